# An Event as a start gun: nobody runs before it, everybody after it.
from __future__ import print_function
import common

RUNNERS = 6


def run(gun, ns, number):
    setattr(ns, "runner_%d" % number, "waiting")
    answer = gun.wait()
    assert answer in (True, None), answer
    assert gun.is_set()
    setattr(ns, "runner_%d" % number, "running")


def states(ns):
    return [getattr(ns, "runner_%d" % number) for number in range(RUNNERS)]


def main():
    manager = common.connect()
    gun = manager.Event()
    ns = manager.Namespace()
    for number in range(RUNNERS):
        setattr(ns, "runner_%d" % number, "absent")
    assert gun.is_set() is False
    runners = [common.start(run, gun, ns, number) for number in range(RUNNERS)]
    while "absent" in states(ns):
        pass
    assert states(ns) == ["waiting"] * RUNNERS, "false start: %s" % states(ns)
    gun.set()
    common.finish(runners)
    assert states(ns) == ["running"] * RUNNERS, states(ns)
    print("nobody ran before the gun, all %d after it" % RUNNERS)

    assert gun.is_set() is True and gun.wait() is True and gun.wait(0) is True
    gun.set()
    gun.clear()
    gun.clear()
    assert gun.is_set() is False
    assert gun.wait(0) is False and gun.wait(0.001) is False and gun.wait(-1) is False
    print("set, cleared, waited for in vain")


if __name__ == "__main__":
    main()
