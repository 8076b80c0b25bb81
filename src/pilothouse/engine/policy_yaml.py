"""Approval policies in the form of inspect_ai, read into our rules. Imported only where such a file is given.

```yaml
approvers:
  - name: human
    tools: ["computer(action='left_click'", "computer(action='type'"]
  - name: auto
    tools: "*"
```

As inspect has it: the first approver whose globs fit the call decides, a glob may be followed by anything,
and what fits none is rejected (https://inspect.aisi.org.uk/approval.html). `human` asks, `auto` decides
as its `decision` says. Approvers written in Python can't be had here, nor ones that end the run.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from pilothouse.engine.policy_file import RULES_MAX, nearest
from pilothouse.engine.policy_rules import Effect, Policy, Rule
from pilothouse.errors import SettingError

_DECISIONS: Final = {"approve": Effect.ALLOW, "reject": Effect.DENY, "escalate": None}
DEPTH_MAX: Final = 10
_CHOICES: Final = ("approve", "reject", "terminate", "escalate", "modify")
_KEYS: Final = {"human": ("name", "tools", "choices"), "auto": ("name", "tools", "decision")}


def parse_yaml(text: str, source: str = "policy.yaml") -> Policy:
    """Read a policy in inspect's form; JSON is YAML too.

    Raises:
        SettingError: It is no YAML, or says something that we can't do.
    """
    try:
        _check_shape(text, source)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise SettingError(f"is no YAML: {error.problem}", _where(source, mark), _hint(error)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingError("is no YAML", source) from error
    if root is None:
        raise SettingError("is empty", source, "write approvers:")
    return _Reader(source).policy(root)


def _check_shape(text: str, source: str) -> None:
    """Refuse aliases, which can grow without end, and nesting, which takes time by its square."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            where = _where(source, event.start_mark)
            raise SettingError("has an alias (*name)", where, 'a star by itself is written "*"')
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise SettingError("is nested too deeply", _where(source, event.start_mark))


def _where(source: str, mark: Any) -> str:
    """Name a line; a mark is of either of two classes, by which parser made it, or missing."""
    return source if mark is None else f"{source}:{mark.line + 1}"


def _hint(error: yaml.MarkedYAMLError) -> str:
    return 'a star by itself is written "*"' if "alias" in f"{error.context} {error.problem}" else ""


class _Reader:
    """Reads nodes, which know their lines."""

    def __init__(self, source: str) -> None:
        self._source = source

    def policy(self, root: yaml.Node) -> Policy:
        """Read the whole."""
        top = self._table(root, "the file")
        for key, (_, at) in top.items():
            if key != "approvers":
                raise self._wrong(f"there is no {key!r} here", at, nearest(key, ("approvers",)))
        if "approvers" not in top:
            raise self._wrong("there are no approvers", root)
        listed = top["approvers"][0]
        if not isinstance(listed, yaml.SequenceNode) or not listed.value:
            raise self._wrong("approvers is a list", listed, "write - name: human")
        if len(listed.value) > RULES_MAX:
            raise self._wrong(f"there are more than {RULES_MAX} approvers", listed)
        rules = (self._rule(node, number) for number, node in enumerate(listed.value, 1))
        return Policy(
            rules=tuple(rule for rule in rules if rule is not None),
            in_order=True,
            otherwise=Effect.DENY,
            source=self._source,
        )

    def _rule(self, node: yaml.Node, number: int) -> Rule | None:
        """Read one approver; None for one that hands everything on."""
        table = self._table(node, "an approver")
        if "name" not in table or "tools" not in table:
            raise self._wrong(f"approver {number} has no {'tools' if 'name' in table else 'name'}", node)
        name = self._word(table["name"][0], "name")
        if name not in _KEYS:
            way_out = "only human and auto can be had here"
            raise self._wrong(f"no approver is called {name!r}", table["name"][0], way_out)
        for key, (_, at) in table.items():
            if key not in _KEYS[name]:
                raise self._wrong(f"approver {name!r} has no {key!r}", at, nearest(key, _KEYS[name]))
        tools = self._words(table["tools"][0], "tools")
        effect = self._human(table) if name == "human" else self._auto(table)
        if effect is None:
            return None
        why = f"approver {number} ({name}) of the policy says so"
        return Rule(name=f"{number} {name}", effect=effect, why=why, calls=tools)

    def _human(self, table: dict[str, tuple[yaml.Node, yaml.Node]]) -> Effect:
        """A person is asked; the choices named must be ones there are, and all of ours are offered anyway."""
        if "choices" in table:
            for word in self._words(table["choices"][0], "choices"):
                if word not in _CHOICES:
                    raise self._wrong(
                        f"no choice is called {word!r}", table["choices"][0], nearest(word, _CHOICES)
                    )
        return Effect.ASK

    def _auto(self, table: dict[str, tuple[yaml.Node, yaml.Node]]) -> Effect | None:
        if "decision" not in table:
            return Effect.ALLOW
        node = table["decision"][0]
        word = self._word(node, "decision")
        if word not in _DECISIONS:
            raise self._wrong(f"decision {word!r} can't be had here", node, nearest(word, _DECISIONS))
        return _DECISIONS[word]

    def _table(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Read a mapping as value and key nodes by key; each key once."""
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(f"{what} is a mapping", node, "write key: value")
        table: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            word = self._word(key, "a key")
            if word in table:
                raise self._wrong(f"{word!r} is given twice", key)
            table[word] = (value, key)
        return table

    def _word(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str" or not node.value:
            raise self._wrong(f"{what} is a word", node)
        return str(node.value)

    def _words(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """Read a word, or a list of words."""
        if isinstance(node, yaml.SequenceNode):
            words = tuple(self._word(one, what) for one in node.value)
        else:
            words = (self._word(node, what),)
        if not words:
            raise self._wrong(f"{what} is empty", node)
        return words

    def _wrong(self, what: str, node: yaml.Node, way_out: str = "") -> SettingError:
        return SettingError(what, _where(self._source, node.start_mark), way_out)
