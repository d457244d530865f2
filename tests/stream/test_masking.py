"""No password is shown with an address."""

import pytest

from stream.masking import MASK, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://me@host:6379/0", "redis://me@host:6379/0"),
        ("rediss://me:geheim@host:6379/0", f"rediss://me:{MASK}@host:6379/0"),
        ("redis://:geheim@host/0", f"redis://:{MASK}@host/0"),
        ("redis://:ge@h:eim@host/0", f"redis://:{MASK}@host/0"),
        ("redis://host/0?db=1&password=geheim&x=y", f"redis://host/0?db=1&password={MASK}&x=y"),
        ("kafka://one:9092,two:9092", "kafka://one:9092,two:9092"),
        ("kafka://me:geheim@one:9092,two:9092", f"kafka://me:{MASK}@one:9092,two:9092"),
        ("host:6379", "host:6379"),
    ],
)
def test_a_password_is_masked_and_the_rest_stays(address: str, shown: str) -> None:
    assert without_password(address) == shown
