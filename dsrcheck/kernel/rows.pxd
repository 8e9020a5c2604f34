# The C types of rows.py.

cimport cython

cdef enum:
    BLOCK = 0x100000
    FIRST_ROWS = 16
    FIRST_SLOTS = 64
    TAG_BITS = 32

@cython.final
cdef class Rows:
    cdef public unsigned long long width, limit, count, room
    cdef object memory
    cdef unsigned long long* cells

    @cython.locals(view="unsigned long long[::1]")
    cdef void point(self)
    @cython.locals(at=cython.ulonglong)
    cdef unsigned long long add(self)
    @cython.locals(missing=cython.longlong)
    cdef void grow(self)
    @cython.locals(gone=cython.ulonglong)
    cpdef void truncate(self, unsigned long long count)

@cython.final
cdef class Index:
    cdef unsigned long long used, mask
    cdef unsigned long long[::1] memory
    cdef unsigned long long* slots

    cpdef void clear(self)
    cdef void point(self)
    cdef void insert(self, unsigned long long key, unsigned long long row)
    @cython.locals(place=cython.ulonglong)
    cdef void put(self, unsigned long long entry)
    @cython.locals(old="unsigned long long[::1]", size=cython.ulonglong, place=cython.ulonglong)
    cdef void grow(self)
    @cython.locals(old="unsigned long long[::1]", size=cython.ulonglong, place=cython.ulonglong, row=cython.ulonglong)
    cdef void renumber(self, unsigned long long[::1] moved)
