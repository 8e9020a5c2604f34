# The C types of numbering.py.

cimport cython
from dsrcheck.kernel.rows cimport Index

cdef unsigned long long MASK, MASK_32, FACTOR

@cython.locals(seed=cython.ulonglong)
cdef long long fill(unsigned long long[::1] keys, unsigned long long width, long long[::1] numbers, long long[::1] leaders) except -1

@cython.locals(
    found=cython.longlong, row=cython.longlong, at=cython.longlong, cell=cython.longlong, h=cython.ulonglong,
    tag=cython.ulonglong, slots="unsigned long long*", mask=cython.ulonglong, place=cython.ulonglong,
    known=cython.longlong, other=cython.longlong,
)
cdef long long number(
    unsigned long long* keys, long long width, long long count, long long* numbers, long long* leaders, Index index,
    unsigned long long seed,
) except -1
