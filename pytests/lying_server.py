# A manager server of CPython that claims to be mpmd: it answers each mpmd_inspect with what it is told, for tests of mpmctl.
#
#   lying_server.py --answer LITERAL --listen PATH --authkey-file FILE --ready-fd N
import ast
import os
import sys
from multiprocessing.managers import BaseManager, Server


class Liar(Server):
    public = list(Server.public) + ["mpmd_inspect"]

    def mpmd_inspect(self, connection, *args):
        return ast.literal_eval(options["--answer"])


class Manager(BaseManager):
    _Server = Liar


if __name__ == "__main__":
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    with open(options["--authkey-file"], "rb") as f:
        key = f.read()
    server = Manager(options["--listen"], key).get_server()
    with os.fdopen(int(options["--ready-fd"]), "w") as f:
        f.write(server.address + "\n")
    server.serve_forever()
