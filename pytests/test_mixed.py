"""Programs of all versions share the objects of one manager. Between some of them CPython's own server cannot."""
import pytest

import conftest
import servers

REGISTER = ["get_queue=Queue(3)", "get_dict=dict", "get_list=list", "get_lock=Lock", "get_value=Value('i', 0)"]


def test_a_manager_made_for_one_version_serves_all_others(start, run_program, request, python):
    """`python` fills the objects, everybody works with them, `python` finds what they did."""
    users = [p for p in conftest.chosen(request.config) if p is not python]
    if request.config.getoption("--stock"):
        users = [p for p in users if p.version >= (3, 7) and python.version >= (3, 7)]
        server = start(servers.Stock, python, register=REGISTER)
    else:
        server = start(servers.Mpmd, register=REGISTER)
    run_program(python, server, "mixed", "--", "make")
    failures = []
    for user in users:
        try:
            run_program(user, server, "mixed", "--", "use")
        except pytest.fail.Exception as e:
            failures.append("--- %s with what %s made: %s" % (user.name, python.name, e))
    if not failures:
        run_program(python, server, "mixed", "--", "check", str(len(users)))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def of_version(*version):
    found = [p for p in conftest.FOUND if p.version == version and p.implementation == "CPython"]
    if not found:
        pytest.skip("no %d.%d here" % version)
    return found[0]


@pytest.mark.parametrize("version, complaint", [((2, 7), "unsupported pickle protocol"),
                                                ((3, 6), "No module named '_queue'")],
                         ids=["2.7", "3.6"])
def test_stock_of_a_new_version_does_not_serve_the_oldest(start, run_program, stock_python, version, complaint):
    """2.7 does not know the protocol of the answers, 3.6 not the module that queue.Empty is said to be in."""
    client = of_version(*version)
    server = start(servers.Stock, stock_python, register=REGISTER)
    run_program(stock_python, server, "mixed", "--", "make")
    with pytest.raises(pytest.fail.Exception, match=complaint):
        run_program(client, server, "mixed", "--", "use")


def test_stock_of_2_7_does_not_serve_3(start, run_program, newest):
    """It does not know the protocol of the requests."""
    server = start(servers.Stock, of_version(2, 7), register=REGISTER)
    with pytest.raises(pytest.fail.Exception, match="unsupported pickle protocol"):
        run_program(newest, server, "mixed", "--", "make")
