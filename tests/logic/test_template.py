"""Templates are filled with escaped values, or not at all."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.template import UnfilledError, fill, variables_in

QUERY = 'max(DCGM_FI_DEV_ROW_REMAP_FAILURE{UUID="{gpu}"})'


def test_braces_of_a_selector_are_no_variable() -> None:
    assert fill(QUERY, {"gpu": "GPU-5f"}, "promql") == 'max(DCGM_FI_DEV_ROW_REMAP_FAILURE{UUID="GPU-5f"})'
    assert variables_in(QUERY) == ["gpu"]


def test_a_value_cannot_leave_its_quotes() -> None:
    assert (
        fill(QUERY, {"gpu": 'x"} or up{a="\\'}, "promql")
        == 'max(DCGM_FI_DEV_ROW_REMAP_FAILURE{UUID="x\\"} or up{a=\\"\\\\"})'
    )


def test_several_values_become_alternatives_of_a_regular_expression() -> None:
    assert fill('up{node=~"{node}"}', {"node": ("n1.lan", "n2")}, "promql") == 'up{node=~"n1\\\\.lan|n2"}'
    assert fill('up{node="{node}"}', {"node": ("n1", "n2")}, "promql") == 'up{node="n1"}'


def test_commands_are_quoted_for_the_shell() -> None:
    assert fill("kubectl cordon {node}", {"node": "n1; rm -rf /"}, "shell") == "kubectl cordon 'n1; rm -rf /'"


def test_links_are_percent_encoded() -> None:
    assert fill("https://r/{a}?b={b}", {"a": "x/y", "b": "1&2"}, "url") == "https://r/x%2Fy?b=1%262"


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(UnfilledError) as caught:
        fill("{node} {gpu}", {"node": "n1", "gpu": ()})
    assert caught.value.variable == "gpu"
    assert caught.value.reason == "no_variable"


@given(st.text(min_size=1))
def test_a_shell_sees_one_word_whatever_the_value(value: str) -> None:
    words = shlex.split(fill("do {x}", {"x": value}, "shell"), posix=True)
    assert words == ["do", value]
