# What the tests share (support.h): allocations that fail, bytes at the edge of memory, random numbers, files.
check_LTLIBRARIES += tests/support/libsupport.la
tests_support_libsupport_la_SOURCES = tests/support/memory.c tests/support/guard.c tests/support/data.c tests/support/peer.c
tests_support_libsupport_la_SOURCES += tests/support/daemon.c tests/support/world.c tests/support/people.c
tests_support_libsupport_la_CPPFLAGS = $(AM_CPPFLAGS) -DMPM_TEST_SRCDIR='"$(abs_top_srcdir)"'

# One cmocka program per module, three lines each.
mpm_tests =
tests_ldadd = tests/support/libsupport.la src/libmpmcore.la $(CMOCKA_LIBS)

mpm_tests += tests/test_buf
tests_test_buf_SOURCES = tests/test_buf.c
tests_test_buf_LDADD = $(tests_ldadd)

mpm_tests += tests/test_names
tests_test_names_SOURCES = tests/test_names.c
tests_test_names_LDADD = $(tests_ldadd)

# What pytests/test_pickle_differential.py talks to.
check_PROGRAMS += tests/client_driver
tests_client_driver_SOURCES = tests/client_driver.c
tests_client_driver_LDADD = src/libmpmcore.la
check_PROGRAMS += tests/ndarray_driver
tests_ndarray_driver_SOURCES = tests/ndarray_driver.c
tests_ndarray_driver_LDADD = src/libmpmcore.la
check_PROGRAMS += tests/connection_driver
tests_connection_driver_SOURCES = tests/connection_driver.c
tests_connection_driver_LDADD = src/libmpmcore.la
# what pytests/test_objects.py talks to
check_PROGRAMS += tests/objects_driver
tests_objects_driver_SOURCES = tests/objects_driver.c
tests_objects_driver_LDADD = src/libmpmcore.la
check_PROGRAMS += tests/worker_driver
tests_worker_driver_SOURCES = tests/worker_driver.c
tests_worker_driver_LDADD = src/libmpmcore.la
check_PROGRAMS += tests/pickle_driver
tests_pickle_driver_SOURCES = tests/pickle_driver.c
tests_pickle_driver_LDADD = src/libmpmcore.la

mpm_tests += tests/test_digest
tests_test_digest_SOURCES = tests/test_digest.c
tests_test_digest_LDADD = $(tests_ldadd)

mpm_tests += tests/test_log
tests_test_log_SOURCES = tests/test_log.c
tests_test_log_LDADD = $(tests_ldadd)

mpm_tests += tests/test_auth
tests_test_auth_SOURCES = tests/test_auth.c
tests_test_auth_LDADD = $(tests_ldadd)

mpm_tests += tests/test_frame
tests_test_frame_SOURCES = tests/test_frame.c
tests_test_frame_LDADD = $(tests_ldadd)

mpm_tests += tests/test_address
tests_test_address_SOURCES = tests/test_address.c
tests_test_address_LDADD = $(tests_ldadd)

mpm_tests += tests/test_folder
tests_test_folder_SOURCES = tests/test_folder.c
tests_test_folder_LDADD = $(tests_ldadd)

mpm_tests += tests/test_listener
tests_test_listener_SOURCES = tests/test_listener.c
tests_test_listener_LDADD = $(tests_ldadd)
tests_test_listener_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4

mpm_tests += tests/test_conn
tests_test_conn_SOURCES = tests/test_conn.c
tests_test_conn_LDADD = $(tests_ldadd)
tests_test_conn_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=read,--wrap=readv,--wrap=sendmsg

mpm_tests += tests/test_map
tests_test_map_SOURCES = tests/test_map.c
tests_test_map_LDADD = $(tests_ldadd)

mpm_tests += tests/test_build
tests_test_build_SOURCES = tests/test_build.c
tests_test_build_LDADD = $(tests_ldadd)

mpm_tests += tests/test_dill
tests_test_dill_SOURCES = tests/test_dill.c
tests_test_dill_LDADD = $(tests_ldadd)

mpm_tests += tests/test_read
tests_test_read_SOURCES = tests/test_read.c
tests_test_read_LDADD = $(tests_ldadd)

mpm_tests += tests/test_repr
tests_test_repr_SOURCES = tests/test_repr.c
tests_test_repr_LDADD = $(tests_ldadd)

# pytests/test_repr.py talks to it
check_PROGRAMS += tests/repr_driver
tests_repr_driver_SOURCES = tests/repr_driver.c
tests_repr_driver_LDADD = src/libmpmcore.la

mpm_tests += tests/test_canon
tests_test_canon_SOURCES = tests/test_canon.c
tests_test_canon_LDADD = $(tests_ldadd)

mpm_tests += tests/test_order
tests_test_order_SOURCES = tests/test_order.c
tests_test_order_LDADD = $(tests_ldadd)

# pytests/test_canon.py talks to it
check_PROGRAMS += tests/canon_driver
tests_canon_driver_SOURCES = tests/canon_driver.c
tests_canon_driver_LDADD = src/libmpmcore.la

mpm_tests += tests/test_options
tests_test_options_SOURCES = tests/test_options.c
tests_test_options_LDADD = $(tests_ldadd)

mpm_tests += tests/test_procs
tests_test_procs_SOURCES = tests/test_procs.c
tests_test_procs_LDADD = $(tests_ldadd)
tests_test_procs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=syscall

mpm_tests += tests/test_server
tests_test_server_SOURCES = tests/test_server.c
tests_test_server_LDADD = $(tests_ldadd)

mpm_tests += tests/test_embed
tests_test_embed_SOURCES = tests/test_embed.c
tests_test_embed_LDADD = $(tests_ldadd)

mpm_tests += tests/test_heap
tests_test_heap_SOURCES = tests/test_heap.c
tests_test_heap_LDADD = $(tests_ldadd)

mpm_tests += tests/test_brief
tests_test_brief_SOURCES = tests/test_brief.c
tests_test_brief_LDADD = $(tests_ldadd)

mpm_tests += tests/test_check
tests_test_check_SOURCES = tests/test_check.c
tests_test_check_LDADD = $(tests_ldadd)

mpm_tests += tests/test_splice
tests_test_splice_SOURCES = tests/test_splice.c
tests_test_splice_LDADD = $(tests_ldadd)

mpm_tests += tests/test_transcode
tests_test_transcode_SOURCES = tests/test_transcode.c
tests_test_transcode_LDADD = $(tests_ldadd)
mpm_tests += tests/test_segments
tests_test_segments_SOURCES = tests/test_segments.c
tests_test_segments_LDADD = $(tests_ldadd)

mpm_tests += tests/test_session
tests_test_session_SOURCES = tests/test_session.c
tests_test_session_LDADD = $(tests_ldadd)

mpm_tests += tests/test_setup
tests_test_setup_SOURCES = tests/test_setup.c
tests_test_setup_LDADD = $(tests_ldadd)

mpm_tests += tests/test_sessions
tests_test_sessions_SOURCES = tests/test_sessions.c
tests_test_sessions_LDADD = $(tests_ldadd)

mpm_tests += tests/test_lock
tests_test_lock_SOURCES = tests/test_lock.c
tests_test_lock_LDADD = $(tests_ldadd)

mpm_tests += tests/test_semaphore
tests_test_semaphore_SOURCES = tests/test_semaphore.c
tests_test_semaphore_LDADD = $(tests_ldadd)

mpm_tests += tests/test_condition
tests_test_condition_SOURCES = tests/test_condition.c
tests_test_condition_LDADD = $(tests_ldadd)

mpm_tests += tests/test_event
tests_test_event_SOURCES = tests/test_event.c
tests_test_event_LDADD = $(tests_ldadd)

# The search for deadlocks is a file of mpmctl.
mpm_tests += tests/test_waits
tests_test_waits_SOURCES = tests/test_waits.c src/cmd/mpmctl_ask.c src/cmd/mpmctl_text.c src/cmd/mpmctl_waits.c
tests_test_waits_LDADD = $(tests_ldadd)

mpm_tests += tests/test_inspect
tests_test_inspect_SOURCES = tests/test_inspect.c
tests_test_inspect_LDADD = $(tests_ldadd)

mpm_tests += tests/test_latch
tests_test_latch_SOURCES = tests/test_latch.c
tests_test_latch_LDADD = $(tests_ldadd)

mpm_tests += tests/test_rwlock
tests_test_rwlock_SOURCES = tests/test_rwlock.c
tests_test_rwlock_LDADD = $(tests_ldadd)

mpm_tests += tests/test_queue
tests_test_queue_SOURCES = tests/test_queue.c
tests_test_queue_LDADD = $(tests_ldadd)

mpm_tests += tests/test_namespace
tests_test_namespace_SOURCES = tests/test_namespace.c
tests_test_namespace_LDADD = $(tests_ldadd)

mpm_tests += tests/test_arith
tests_test_arith_SOURCES = tests/test_arith.c
tests_test_arith_LDADD = $(tests_ldadd)

mpm_tests += tests/test_slice
tests_test_slice_SOURCES = tests/test_slice.c
tests_test_slice_LDADD = $(tests_ldadd)
mpm_tests += tests/test_value_api
tests_test_value_api_SOURCES = tests/test_value_api.c
tests_test_value_api_LDADD = $(tests_ldadd)

mpm_tests += tests/test_ndarray
tests_test_ndarray_SOURCES = tests/test_ndarray.c
tests_test_ndarray_LDADD = $(tests_ldadd)

mpm_tests += tests/test_literal
tests_test_literal_SOURCES = tests/test_literal.c
tests_test_literal_LDADD = $(tests_ldadd)

mpm_tests += tests/test_worker
tests_test_worker_SOURCES = tests/test_worker.c
tests_test_worker_LDADD = $(tests_ldadd)

mpm_tests += tests/test_client
tests_test_client_SOURCES = tests/test_client.c
tests_test_client_LDADD = $(tests_ldadd)

mpm_tests += tests/test_started
tests_test_started_SOURCES = tests/test_started.c
tests_test_started_LDADD = $(tests_ldadd)

mpm_tests += tests/test_threads
tests_test_threads_SOURCES = tests/test_threads.c
tests_test_threads_CFLAGS = $(AM_CFLAGS) -pthread
tests_test_threads_LDADD = $(tests_ldadd) -lpthread

mpm_tests += tests/test_reply
tests_test_reply_SOURCES = tests/test_reply.c
tests_test_reply_LDADD = $(tests_ldadd)

mpm_tests += tests/test_lost
tests_test_lost_SOURCES = tests/test_lost.c
tests_test_lost_LDADD = $(tests_ldadd)

mpm_tests += tests/test_connection
tests_test_connection_SOURCES = tests/test_connection.c
tests_test_connection_LDADD = $(tests_ldadd)
tests_test_connection_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=recv,--wrap=send,--wrap=sendmsg

mpm_tests += tests/test_value
tests_test_value_SOURCES = tests/test_value.c
tests_test_value_LDADD = $(tests_ldadd)

mpm_tests += tests/test_array
tests_test_array_SOURCES = tests/test_array.c
tests_test_array_LDADD = $(tests_ldadd)

mpm_tests += tests/test_deque
tests_test_deque_SOURCES = tests/test_deque.c
tests_test_deque_LDADD = $(tests_ldadd)

mpm_tests += tests/test_iterable
tests_test_iterable_SOURCES = tests/test_iterable.c
tests_test_iterable_LDADD = $(tests_ldadd)

mpm_tests += tests/test_copies
tests_test_copies_SOURCES = tests/test_copies.c
tests_test_copies_LDADD = $(tests_ldadd)
mpm_tests += tests/test_list
tests_test_list_SOURCES = tests/test_list.c
tests_test_list_LDADD = $(tests_ldadd)
mpm_tests += tests/test_dict
tests_test_dict_SOURCES = tests/test_dict.c
tests_test_dict_LDADD = $(tests_ldadd)

mpm_tests += tests/test_table
tests_test_table_SOURCES = tests/test_table.c
tests_test_table_LDADD = $(tests_ldadd)
tests_test_table_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mpm__canon_equals

mpm_tests += tests/test_iterator
tests_test_iterator_SOURCES = tests/test_iterator.c
tests_test_iterator_LDADD = $(tests_ldadd)

mpm_tests += tests/test_stress
tests_test_stress_SOURCES = tests/test_stress.c
tests_test_stress_LDADD = $(tests_ldadd)

mpm_tests += tests/test_ordereddict
tests_test_ordereddict_SOURCES = tests/test_ordereddict.c
tests_test_ordereddict_LDADD = $(tests_ldadd)
mpm_tests += tests/test_set
tests_test_set_SOURCES = tests/test_set.c
tests_test_set_LDADD = $(tests_ldadd)

mpm_tests += tests/test_objects
tests_test_objects_SOURCES = tests/test_objects.c
tests_test_objects_LDADD = $(tests_ldadd)

check_PROGRAMS += $(mpm_tests)
TESTS += $(mpm_tests)

# A fuzz target is tests/fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput() and a corpus in tests/corpus/NAME, which runs here
# with any compiler. Two lines each: the source file is found by its name.
mpm_fuzz =
check_LTLIBRARIES += tests/fuzz/libcorpus.la
tests_fuzz_libcorpus_la_SOURCES = tests/fuzz/run_corpus.c
fuzz_ldadd = tests/fuzz/libcorpus.la $(tests_ldadd)

mpm_fuzz += tests/fuzz/fuzz_frame
tests_fuzz_fuzz_frame_LDADD = $(fuzz_ldadd)

mpm_fuzz += tests/fuzz/fuzz_auth
tests_fuzz_fuzz_auth_LDADD = $(fuzz_ldadd)

mpm_fuzz += tests/fuzz/fuzz_pickle
tests_fuzz_fuzz_pickle_LDADD = $(fuzz_ldadd)
mpm_fuzz += tests/fuzz/fuzz_canon
tests_fuzz_fuzz_canon_LDADD = $(fuzz_ldadd)
mpm_fuzz += tests/fuzz/fuzz_client
tests_fuzz_fuzz_client_LDADD = $(fuzz_ldadd)
mpm_fuzz += tests/fuzz/fuzz_session
tests_fuzz_fuzz_session_LDADD = $(fuzz_ldadd)

check_PROGRAMS += $(mpm_fuzz)
TESTS += $(mpm_fuzz)
