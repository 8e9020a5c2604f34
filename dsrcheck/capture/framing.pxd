# The C types of framing.py: Cython reads this file beside it, the interpreter never does.
# Everything is 64 bits wide, so that no sum or difference differs between compiled and interpreted.

cimport cython

cdef unsigned long long _NANO, _LAST_TIME
cdef Py_ssize_t _MULTIPLIER, _UNITS, _SCALE, _SHIFT, _SNAP, _LOST, _STRIDE
cdef long long _PACKET, _SIMPLE, _ENHANCED, _EPB_DROPCOUNT, _UNKNOWN_DROPS

cdef unsigned long long load16(const unsigned char[::1] data, Py_ssize_t at, bint big) noexcept nogil

@cython.locals(first=cython.ulonglong, second=cython.ulonglong, third=cython.ulonglong, fourth=cython.ulonglong)
cpdef unsigned long long load32(const unsigned char[::1] data, Py_ssize_t at, bint big) noexcept nogil

cdef bint calls_for_care(long long kind) noexcept

@cython.locals(stamp=cython.ulonglong, last=cython.ulonglong, multiplier=cython.ulonglong, units=cython.ulonglong,
               scale=cython.ulonglong, seconds=cython.ulonglong, time=cython.ulonglong, shift=cython.longlong)
cdef long long nanoseconds(
    long long[::1] table, Py_ssize_t row, unsigned long long high, unsigned long long low
) noexcept nogil

@cython.locals(code=cython.longlong, length=cython.longlong, high=cython.longlong, low=cython.longlong)
cdef long long dropcount(const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t stop, bint big) noexcept nogil

@cython.locals(at=cython.Py_ssize_t, count=cython.Py_ssize_t, stop=cython.Py_ssize_t, room=cython.Py_ssize_t,
               longest=cython.longlong, length=cython.longlong)
cpdef tuple pcap_records(
    const unsigned char[::1] data, Py_ssize_t start, bint big, Py_ssize_t header, long long tick,
    long long[::1] offset, long long[::1] captured, long long[::1] original, long long[::1] time
)

@cython.locals(at=cython.Py_ssize_t, count=cython.Py_ssize_t, untimed=cython.Py_ssize_t, stop=cython.Py_ssize_t,
               room=cython.Py_ssize_t, longest=cython.longlong, longest_block=cython.longlong, kind=cython.longlong, packet=cython.bint,
               stated=cython.longlong, total=cython.longlong, head=cython.longlong, number=cython.longlong,
               lost=cython.longlong, row=cython.Py_ssize_t, wire=cython.longlong, snap=cython.longlong,
               length=cython.longlong, when=cython.longlong, padded=cython.longlong)
cpdef tuple pcapng_packets(
    const unsigned char[::1] data, Py_ssize_t start, bint big, Py_ssize_t first_interface, Py_ssize_t interfaces,
    long long[::1] table, long long last_time,
    long long[::1] offset, long long[::1] captured, long long[::1] original, long long[::1] time,
    long long[::1] interface
)
