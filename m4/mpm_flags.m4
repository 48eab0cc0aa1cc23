# MPM_TRY_CFLAGS(VARIABLE, FLAGS)
# Appends each of FLAGS that the compiler takes without a word to VARIABLE. CFLAGS stays the user's.
AC_DEFUN([MPM_TRY_CFLAGS],
[for mpm_flag in $2; do
  AC_MSG_CHECKING([whether $CC takes $mpm_flag])
  mpm_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $$1 -Werror $mpm_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]])],
    [AC_MSG_RESULT([yes]); $1="$$1 $mpm_flag"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$mpm_save_CFLAGS
done])

# MPM_TRY_LDFLAGS(VARIABLE, FLAGS)
# The same for the linker.
AC_DEFUN([MPM_TRY_LDFLAGS],
[for mpm_flag in $2; do
  AC_MSG_CHECKING([whether the linker takes $mpm_flag])
  mpm_save_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS $$1 -Werror $mpm_flag"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("");]])],
    [AC_MSG_RESULT([yes]); $1="$$1 $mpm_flag"],
    [AC_MSG_RESULT([no])])
  LDFLAGS=$mpm_save_LDFLAGS
done])
