# Every module of the project, in one convenience library that the programs and the tests link. One line per module, in the
# order of the layers, so that two people who add modules do not meet. Headers come along into a release by themselves.
noinst_LTLIBRARIES += src/libmpmcore.la
src_libmpmcore_la_LIBADD = $(SODIUM_LIBS) $(NETTLE_LIBS) $(UV_LIBS) -lm
src_libmpmcore_la_SOURCES =

# base
src_libmpmcore_la_SOURCES += src/base/alloc.c
src_libmpmcore_la_SOURCES += src/base/buf.c
src_libmpmcore_la_SOURCES += src/base/bytes.c
src_libmpmcore_la_SOURCES += src/base/error.c
src_libmpmcore_la_SOURCES += src/base/log.c
src_libmpmcore_la_SOURCES += src/base/heap.c
src_libmpmcore_la_SOURCES += src/base/idmap.c
src_libmpmcore_la_SOURCES += src/base/map.c
src_libmpmcore_la_SOURCES += src/base/utf8.c
src_libmpmcore_la_SOURCES += src/base/version.c

# hash
src_libmpmcore_la_SOURCES += src/hash/digest.c

# wire
src_libmpmcore_la_SOURCES += src/wire/frame.c
src_libmpmcore_la_SOURCES += src/wire/auth.c

# pickle
src_libmpmcore_la_SOURCES += src/pickle/names.c
src_libmpmcore_la_SOURCES += src/pickle/brief.c
src_libmpmcore_la_SOURCES += src/pickle/check.c
src_libmpmcore_la_SOURCES += src/pickle/opcodes.c
src_libmpmcore_la_SOURCES += src/pickle/plain.c
src_libmpmcore_la_SOURCES += src/pickle/splice.c
src_libmpmcore_la_SOURCES += src/pickle/stock.c
src_libmpmcore_la_SOURCES += src/pickle/transcode.c
src_libmpmcore_la_SOURCES += src/pickle/walk.c

# value
src_libmpmcore_la_SOURCES += src/value/arith.c
src_libmpmcore_la_SOURCES += src/value/build.c
src_libmpmcore_la_SOURCES += src/value/canon.c
src_libmpmcore_la_SOURCES += src/value/canon_known.c
src_libmpmcore_la_SOURCES += src/value/dill.c
src_libmpmcore_la_SOURCES += src/value/exact.c
src_libmpmcore_la_SOURCES += src/value/known.c
src_libmpmcore_la_SOURCES += src/value/number.c
src_libmpmcore_la_SOURCES += src/value/packed.c
src_libmpmcore_la_SOURCES += src/value/pyerrors.c
src_libmpmcore_la_SOURCES += src/value/read.c
src_libmpmcore_la_SOURCES += src/value/repr.c
src_libmpmcore_la_SOURCES += src/value/order.c
src_libmpmcore_la_SOURCES += src/value/sort.c
src_libmpmcore_la_SOURCES += src/value/typename.c
src_libmpmcore_la_SOURCES += src/value/value.c

# net
src_libmpmcore_la_SOURCES += src/net/address.c
src_libmpmcore_la_SOURCES += src/net/conn.c
src_libmpmcore_la_SOURCES += src/net/folder.c
src_libmpmcore_la_SOURCES += src/net/listener.c

# server
src_libmpmcore_la_SOURCES += src/server/daemon.c
src_libmpmcore_la_SOURCES += src/server/embed.c
src_libmpmcore_la_SOURCES += src/server/key.c
src_libmpmcore_la_SOURCES += src/server/options.c
src_libmpmcore_la_SOURCES += src/server/optvalue.c
src_libmpmcore_la_SOURCES += src/server/procs.c
src_libmpmcore_la_SOURCES += src/server/sdnotify.c
src_libmpmcore_la_SOURCES += src/server/server.c
src_libmpmcore_la_SOURCES += src/server/setup.c

# object
src_libmpmcore_la_SOURCES += src/object/array.c
src_libmpmcore_la_SOURCES += src/object/atomic.c
src_libmpmcore_la_SOURCES += src/object/barrier.c
src_libmpmcore_la_SOURCES += src/object/bind.c
src_libmpmcore_la_SOURCES += src/object/condition.c
src_libmpmcore_la_SOURCES += src/object/counter.c
src_libmpmcore_la_SOURCES += src/object/deque.c
src_libmpmcore_la_SOURCES += src/object/dict.c
src_libmpmcore_la_SOURCES += src/object/event.c
src_libmpmcore_la_SOURCES += src/object/iterable.c
src_libmpmcore_la_SOURCES += src/object/iterator.c
src_libmpmcore_la_SOURCES += src/object/latch.c
src_libmpmcore_la_SOURCES += src/object/items.c
src_libmpmcore_la_SOURCES += src/object/list.c
src_libmpmcore_la_SOURCES += src/object/lock.c
src_libmpmcore_la_SOURCES += src/object/lockable.c
src_libmpmcore_la_SOURCES += src/object/namespace.c
src_libmpmcore_la_SOURCES += src/object/ordereddict.c
src_libmpmcore_la_SOURCES += src/object/queue.c
src_libmpmcore_la_SOURCES += src/object/rlock.c
src_libmpmcore_la_SOURCES += src/object/rwlock.c
src_libmpmcore_la_SOURCES += src/object/semaphore.c
src_libmpmcore_la_SOURCES += src/object/set.c
src_libmpmcore_la_SOURCES += src/object/shared_value.c
src_libmpmcore_la_SOURCES += src/object/shelf.c
src_libmpmcore_la_SOURCES += src/object/slice.c
src_libmpmcore_la_SOURCES += src/object/table.c
src_libmpmcore_la_SOURCES += src/object/typecode.c
src_libmpmcore_la_SOURCES += src/object/types.c

# client
src_libmpmcore_la_SOURCES += src/client/builder.c
src_libmpmcore_la_SOURCES += src/client/call.c
src_libmpmcore_la_SOURCES += src/client/client.c
src_libmpmcore_la_SOURCES += src/client/connection.c
src_libmpmcore_la_SOURCES += src/client/document.c
src_libmpmcore_la_SOURCES += src/client/job.c
src_libmpmcore_la_SOURCES += src/client/literal.c
src_libmpmcore_la_SOURCES += src/client/worker.c
src_libmpmcore_la_SOURCES += src/client/methods.c
src_libmpmcore_la_SOURCES += src/client/reply.c
src_libmpmcore_la_SOURCES += src/client/request.c
src_libmpmcore_la_SOURCES += src/client/started.c
src_libmpmcore_la_SOURCES += src/client/objects.c
src_libmpmcore_la_SOURCES += src/client/objects_dict.c
src_libmpmcore_la_SOURCES += src/client/objects_list.c
src_libmpmcore_la_SOURCES += src/client/objects_queue.c
src_libmpmcore_la_SOURCES += src/client/objects_sync.c
src_libmpmcore_la_SOURCES += src/client/objects_value.c
src_libmpmcore_la_SOURCES += src/client/ndarray.c

# core
src_libmpmcore_la_SOURCES += src/core/admin.c
src_libmpmcore_la_SOURCES += src/core/call.c
src_libmpmcore_la_SOURCES += src/core/copies.c
src_libmpmcore_la_SOURCES += src/core/hub.c
src_libmpmcore_la_SOURCES += src/core/inspect.c
src_libmpmcore_la_SOURCES += src/core/nested.c
src_libmpmcore_la_SOURCES += src/core/owner.c
src_libmpmcore_la_SOURCES += src/core/reply.c
src_libmpmcore_la_SOURCES += src/core/segments.c
src_libmpmcore_la_SOURCES += src/core/session.c
src_libmpmcore_la_SOURCES += src/core/setup.c
src_libmpmcore_la_SOURCES += src/core/target.c

# cmd
bin_PROGRAMS += mpmd
mpmd_SOURCES = src/cmd/mpmd.c
mpmd_LDADD = src/libmpmcore.la
bin_PROGRAMS += mpmctl
mpmctl_SOURCES = src/cmd/mpmctl.c src/cmd/mpmctl_ask.c src/cmd/mpmctl_look.c src/cmd/mpmctl_settings.c
mpmctl_SOURCES += src/cmd/mpmctl_show.c src/cmd/mpmctl_text.c src/cmd/mpmctl_top.c src/cmd/mpmctl_waits.c
mpmctl_LDADD = src/libmpmcore.la
