# The C types of hashing.py.

cimport cython
from dsrcheck.kernel.decode cimport Frame

cdef unsigned long long MASK, FACTOR, FINAL_FACTOR
cdef long long PREFIX

cdef enum:
    PROTOCOL_ICMP = 1
    PROTOCOL_TCP = 6
    PROTOCOL_ICMPV6 = 58

@cython.locals(
    protocol=cython.ulonglong, g=cython.ulonglong, h=cython.ulonglong, word=cython.ulonglong, want=cython.longlong, at=cython.longlong,
    rest=cython.longlong,
)
cdef unsigned long long packet_hash(Frame frame, const unsigned char* data, int reach) noexcept nogil
@cython.locals(
    p="const unsigned char*", a=cython.ulonglong, b=cython.ulonglong, c=cython.ulonglong, d=cython.ulonglong,
    e=cython.ulonglong, f=cython.ulonglong, g=cython.ulonglong, h=cython.ulonglong,
)
cdef unsigned long long load(const unsigned char* data, long long at) noexcept nogil
@cython.locals(word=cython.ulonglong)
cdef unsigned long long load_part(const unsigned char* data, long long at, long long length) noexcept nogil
