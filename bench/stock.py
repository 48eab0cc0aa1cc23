"""CPython's own manager server. Usage: stock.py SOCKET KEY; writes the address when it is ready."""
import sys
from multiprocessing.managers import SyncManager

server = SyncManager(address=sys.argv[1], authkey=sys.argv[2].encode()).get_server()
print(server.address, flush=True)
server.serve_forever()
