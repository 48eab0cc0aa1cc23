# Every module of the project, in one convenience library that the programs and the tests link.
noinst_LTLIBRARIES += src/libmpmcore.la
src_libmpmcore_la_LIBADD = $(SODIUM_LIBS) $(NETTLE_LIBS) $(UV_LIBS)
src_libmpmcore_la_SOURCES = \
	include/mpmd/error.h \
	src/base/alloc.h src/base/alloc.c \
	src/base/buf.h src/base/buf.c \
	src/base/error.c \
	src/value/build.h src/value/build.c \
	src/value/pyerrors.def src/value/pyerrors.h src/value/pyerrors.c
