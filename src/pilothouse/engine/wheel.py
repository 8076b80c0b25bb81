"""The wheel: how a person's acts get to the browser that the agent drives, through the very same members.

Who may act, and when, is the lease's affair. Every act is sent once, as the agent's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pilothouse.browser.faults import ActionRefused, ActionUnknown, BrowserLost
from pilothouse.browser.inputs import MemberRefused
from pilothouse.engine.lease import Adrift
from pilothouse.errors import BrowserError, CommandRefusedError

if TYPE_CHECKING:
    from pilothouse.browser.camera import Camera, Shot
    from pilothouse.browser.inputs import Input
    from pilothouse.engine.batch import Hands
    from pilothouse.engine.berth import Berth


class Pedals(Protocol):
    """What performs members: the browser's side of the computer tool (`browser.members.Members`).

    Attributes:
        pressed: The left button is held down.
    """

    pressed: bool

    async def perform(self, member: str, given: Input) -> Shot | tuple[int, int] | None:
        """Perform a member, once."""

    async def let_go(self, *, everything: bool = False) -> bool:
        """Release what may still be held down."""


class Wheel:
    """Acts, lets go and looks, while the agent's hands rest.

    Args:
        members: What the agent acts through too.
        hands: The agent's own.
        camera: Takes the pictures.
        berth: Where the browser is.
    """

    def __init__(self, members: Pedals, hands: Hands, camera: Camera, berth: Berth) -> None:
        self._members = members
        self._hands = hands
        self._camera = camera
        self._berth = berth

    @property
    def pressed(self) -> bool:
        """Say whether the left button is held down."""
        return self._members.pressed

    async def at_rest(self) -> None:
        """Wait until the agent's action is done, and what it led to is recorded."""
        await self._hands.at_rest()

    async def act(self, member: str, given: Input) -> str:
        """Do one thing; returns why its outcome is not known, empty if it was done.

        Raises:
            CommandRefusedError: It was not done.
        """
        try:
            await self._members.perform(member, given)
        except ActionUnknown as error:
            await self._members.let_go()  # what a call without an answer may have left down
            return str(error)
        except BrowserLost as error:
            self._berth.lose(str(error))
            raise CommandRefusedError(str(error)) from error
        except (MemberRefused, ActionRefused) as error:
            raise CommandRefusedError(str(error)) from error
        finally:
            self._berth.touch()
        return ""

    async def let_go(self) -> bool:
        """Release every button and key that is held down; says whether there was anything."""
        return await self._members.let_go(everything=True)

    async def look(self, *, shown: bool) -> Shot | None:
        """Record how the page looks once it is at rest; None when it can't be seen.

        Args:
            shown: The model gets this picture.

        Raises:
            Adrift: There is none any more; the berth knows.
        """
        try:
            shot = await self._camera.look()
        except BrowserLost as error:
            self._berth.lose(str(error))
            raise Adrift from error
        except BrowserError:
            return None
        finally:
            self._berth.touch()
        await self._hands.record(shot, 0, "human", shown=shown)
        return shot
