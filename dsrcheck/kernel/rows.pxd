# The C types of rows.py.

cimport cython

cdef enum:
    FIRST_ROWS = 16
    FIRST_SLOTS = 64
    TAG_BITS = 32

@cython.final
cdef class Rows:
    cdef public unsigned long long width, limit, count, room
    cdef object memory
    cdef unsigned long long* cells
    cdef unsigned int* halves
    cdef unsigned char* octets

    @cython.locals(view="unsigned long long[::1]")
    cdef int point(self) except -1
    @cython.locals(at=cython.ulonglong)
    cdef unsigned long long add(self) except? 0xFFFFFFFFFFFFFFFF
    cdef int grow(self) except -1
    @cython.locals(place=cython.ulonglong)
    cpdef int truncate(self, unsigned long long count) except -1

@cython.final
cdef class Index:
    cdef unsigned long long used, mask
    cdef object memory
    cdef unsigned long long* slots

    cpdef int clear(self) except -1
    @cython.locals(view="unsigned long long[::1]")
    cdef int point(self) except -1
    cdef int insert(self, unsigned long long key, unsigned long long row) except -1
    @cython.locals(place=cython.ulonglong)
    cdef void put(self, unsigned long long entry)
    @cython.locals(old="unsigned long long[::1]", size=cython.ulonglong, place=cython.ulonglong)
    cdef int grow(self) except -1
    @cython.locals(old="unsigned long long[::1]", size=cython.ulonglong, place=cython.ulonglong, row=cython.ulonglong)
    cdef int renumber(self, unsigned long long[::1] moved) except -1
