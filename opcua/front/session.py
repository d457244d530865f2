"""Sessions of the front's server whose calls know who makes them.

The library's own call service tells a method neither session nor user. So the session looks first
whether a call is one of ours, and answers that itself.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager

Handler = Callable[[ua.CallMethodRequest, object], Awaitable[ua.CallMethodResult]]
"""Answers a call of somebody."""

_MOST_CALLS: Final = 20  # of one request; each may wait for the guard, and all wait for each other
_log: Final = logging.getLogger(__name__)


class FrontServer(InternalServer):
    """The library's server with sessions of ours.

    Attributes:
        handlers: by the id of the method.
    """

    def __init__(self, user_manager: UserManager) -> None:
        self.handlers: dict[ua.NodeId, Handler] = {}
        super().__init__(user_manager=user_manager)

    def create_session(self, name: str, user: Any = None, external: bool = False) -> "FrontSession":
        """Return a session that is about to be activated."""
        more = {} if user is None else {"user": user}
        return FrontSession(
            self, self.aspace, self.subscription_service, name, external=external, **more
        )


class FrontSession(InternalSession):
    """A session that hands its user on with each call."""

    iserver: FrontServer

    async def call(self, params: Sequence[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Answer calls, one after the other."""
        if len(params) > _MOST_CALLS:
            refused = ua.StatusCode(ua.StatusCodes.BadTooManyOperations)
            return [ua.CallMethodResult(StatusCode=refused) for _ in params]
        return [await self._call_one(one) for one in params]

    async def _call_one(self, request: ua.CallMethodRequest) -> ua.CallMethodResult:
        handler = self.iserver.handlers.get(request.MethodId)
        if handler is None:
            results: list[ua.CallMethodResult] = await super().call([request])
            return results[0]
        try:
            result = await handler(request, self.user)
        except Exception:  # noqa: BLE001 - a bug in one call must not end the connection
            _log.exception("The call of %s failed", request.MethodId)
            failed = ua.StatusCode(ua.StatusCodes.BadInternalError)
            return ua.CallMethodResult(StatusCode=failed)
        missing = len(request.InputArguments or ()) - len(result.InputArgumentResults)
        result.InputArgumentResults += [ua.StatusCode() for _ in range(missing)]
        return result
