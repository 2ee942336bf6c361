/*
 * names.h - malloc's family under names of its own, for the files of
 * harness/preload/ and the programs that call them: so that both run in one
 * program beside the C library's malloc, which a sanitizer needs for itself.
 */
#ifndef TESTS_SHIM_NAMES_H
#define TESTS_SHIM_NAMES_H

#define malloc             lab_malloc
#define free               lab_free
#define cfree              lab_cfree
#define calloc             lab_calloc
#define realloc            lab_realloc
#define reallocarray       lab_reallocarray
#define memalign           lab_memalign
#define posix_memalign     lab_posix_memalign
#define aligned_alloc      lab_aligned_alloc
#define valloc             lab_valloc
#define pvalloc            lab_pvalloc
#define malloc_usable_size lab_malloc_usable_size
#define malloc_trim        lab_malloc_trim
#define malloc_info        lab_malloc_info
#define malloc_stats       lab_malloc_stats
#define mallopt            lab_mallopt
#define mallinfo           lab_mallinfo
#define mallinfo2          lab_mallinfo2

#endif
