"""Any picklable value comes back as it was, under every CPython and between them."""
import pytest

import conftest
import servers

REGISTER = ["get_board=Namespace"]


def start_for(start, config, python, register=()):
    if config.getoption("--stock"):
        return start(servers.Stock, python, register=register)
    return start(servers.Mpmd, register=register)


def test_values_come_back_equal(start, run_program, request, python):
    run_program(python, start_for(start, request.config, python), "values", "round")


def test_large_bytes_come_back(start, run_program, request, python):
    run_program(python, start_for(start, request.config, python), "values", "large")


def test_a_message_over_the_limit_is_an_error_that_names_it(start, run_program, request, python):
    """The client sees the answer although it was sending; a new connection serves it as before."""
    run_program(python, start(servers.Mpmd, options=["--max-message", "1000000"]), "too_long")


def test_values_written_by_one_version_are_read_by_all_others(start, run_program, request, python, newest):
    """`python` writes. Who has the type reads it; who has not gets one error and goes on."""
    readers = conftest.chosen(request.config)
    if request.config.getoption("--stock"):
        if python.version[0] == 2:
            pytest.skip("a stock server of 3.x does not speak to 2.7")
        readers = [r for r in readers if r.version[0] == 3]
    server = start_for(start, request.config, newest, REGISTER)
    run_program(python, server, "values", "write")
    failures = []
    for reader in readers:
        try:
            print(reader.name, run_program(reader, server, "values", "read"))
        except pytest.fail.Exception as e:
            failures.append("--- %s reads what %s wrote: %s" % (reader.name, python.name, e))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def test_the_comparison_notices_what_is_different():
    """The comparison of programs/values.py, with pairs that are not alike."""
    import sys
    sys.path.insert(0, conftest.PROGRAMS)
    import shapes
    import values

    one, two = [1], [1]
    cycle, other = [], []
    cycle.append(cycle)
    other.append([other])
    pairs = [(1, True), (1, 1.0), (0.0, -0.0), ([1], (1,)), ([1, 2], [1]), ({1: 2}, {1: 3}), ({1: 2}, {2: 2}),
             ("a", b"a"), (b"a", bytearray(b"a")), ([one, one], [one, two]), ([one, two], [one, one]), (cycle, other),
             ({1}, frozenset([1])), (ValueError(1), ValueError(2)), (ValueError(1), KeyError(1)),
             (shapes.Plain(a=1), shapes.Plain(a=2)), (shapes.Plain(a=1), shapes.Plain()), (len, abs),
             (shapes.ListLike([1]), [1]), (shapes.State(1), shapes.State(2)), (float("nan"), 0.0)]
    for a, b in pairs:
        with pytest.raises(values.Different):
            values.compare(a, b, "", {}, False)
