"""Styles of a widget's parts, settled when a part is first painted. Which parts there are is the widget's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.dom import DOMNode
from textual.widget import Widget

from pilothouse.tui.stylesheets import read_late

if TYPE_CHECKING:
    from textual.css.styles import RenderStyles


class LateStyles(Widget):
    """Takes the place of Textual's `COMPONENT_CLASSES`, all of which are matched at every change of style.

    A list with dozens of tones shows a few of them; the others would cost the first frame, and each change of
    focus, several milliseconds.
    """

    LATE_STYLES: ClassVar[frozenset[str]] = frozenset()
    """The classes of the parts, named in the style sheet as `COMPONENT_CLASSES` would be."""
    LATE_SHEET: ClassVar[str] = ""
    """The style sheet that speaks of them, by its place in this package."""

    def get_component_styles(self, *names: str) -> RenderStyles:
        """Give the styles of parts; those asked for the first time are settled now."""
        for name in self.LATE_STYLES.intersection(names).difference(self._component_styles):
            read_late(self.app, self.LATE_SHEET)
            part = DOMNode(classes=name)
            part._attach(self)
            self.app.stylesheet.apply(part)
            self._component_styles[name] = part.styles
        return super().get_component_styles(*names)

    def notify_style_update(self) -> None:
        """Forget what was settled: it may be another now."""
        super().notify_style_update()
        for name in self.LATE_STYLES.intersection(self._component_styles):
            del self._component_styles[name]
