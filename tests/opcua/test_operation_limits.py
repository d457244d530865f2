"""How many nodes a request names."""

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua.operation_limits import LIMIT_NODES, OperationLimits, limits_from, parts_of


@given(st.lists(st.integers()), st.integers(1, 7))
def test_parts_hold_everything_in_order_and_no_part_too_much(items: list[int], most: int) -> None:
    parts = list(parts_of(items, most))
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= most for part in parts)


@pytest.mark.parametrize("untold", [ua.Variant(), ua.Variant(0, ua.VariantType.UInt32), None])
def test_a_limit_that_is_not_told_is_a_thousand(untold: ua.Variant | None) -> None:
    told = ua.DataValue(ua.Variant(7, ua.VariantType.UInt32))
    limits = limits_from([told, ua.DataValue(untold), told, ua.DataValue(untold)])
    assert limits == OperationLimits(reads=7, writes=1000, history_reads=7, translations=1000)
    assert len(LIMIT_NODES) == 4
