# The C types of twins.py.

cimport cython

cdef unsigned long long FACTOR

cdef enum:
    FRAMES = 512
    WINDOW = 1000000
    SLOTS = 4096

@cython.final
cdef class Twins:
    cdef long long number
    cdef unsigned long long[::1] ring
    cdef unsigned long long[::1] slots

    cdef int seen(
        self, const unsigned char* data, long long offset, long long captured, long long original, long long interface,
        unsigned long long time,
    ) noexcept nogil
    @cython.locals(
        ring="unsigned long long*", slot=cython.ulonglong, last=cython.longlong, n=cython.longlong, at=cython.longlong,
        before=cython.ulonglong, twin=int,
    )
    cdef int remember(self, unsigned long long key, unsigned long long time) noexcept nogil
    @cython.locals(n=cython.longlong, at=cython.longlong)
    cpdef tail(self)

@cython.locals(
    p="const unsigned char*", left=cython.longlong, a=cython.ulonglong, b=cython.ulonglong, c=cython.ulonglong,
    d=cython.ulonglong,
)
cdef unsigned long long digest(
    const unsigned char* data, long long offset, long long captured, long long original, long long interface
) noexcept nogil
@cython.locals(
    a=cython.ulonglong, b=cython.ulonglong, c=cython.ulonglong, d=cython.ulonglong, e=cython.ulonglong, f=cython.ulonglong,
    g=cython.ulonglong, h=cython.ulonglong,
)
cdef unsigned long long load(const unsigned char* p) noexcept nogil
