"""Addresses as they may be shown: on a page, in a log, in a record."""

import re
from typing import Final

MASK: Final = "********"
# Up to the last @: a password that was not escaped, or an address that is wrong, is masked too.
_IN_FRONT_OF_HOST: Final = re.compile(r"(?<=://)([^:@/\s]*):\S*@")
_IN_QUERY: Final = re.compile(r"(?<=[?&]password=)[^&#\s]*")


def without_password(address: str) -> str:
    """Return an address with its password masked; one without a password as it is."""
    return _IN_QUERY.sub(MASK, _IN_FRONT_OF_HOST.sub(rf"\1:{MASK}@", address))
