# The C types of fold.py.

cimport cython
from dsrcheck.kernel.decode cimport Frame
from dsrcheck.kernel.layout cimport *
from dsrcheck.kernel.legs cimport LegRows
from dsrcheck.kernel.rows cimport Index, Rows
from dsrcheck.kernel.twins cimport Twins

cdef unsigned long long MASK, MASK_32, FACTOR, NOWHERE

cdef enum:
    TCP = 6
    ICMP = 1
    ICMPV6 = 58
    SYN = 0x02
    SYN_ACK = 0x12
    OFFLOAD = 1522
    RECENT = 256
    SECOND = 1000000000

@cython.final
cdef class Fold:
    cdef Frame frame
    cdef Twins twins
    cdef LegRows legs
    cdef Rows paths, claims, icmp, fragments, syn_rate, throughput, totals
    cdef Index path_index
    cdef public long long first_number
    cdef unsigned long long number, seed
    cdef long long holding
    cdef public object head
    cdef unsigned long long[::1] recent_paths
    cdef unsigned long long[::1] recent_syns
    cdef unsigned long long[::1] recent_bytes

    @cython.locals(
        data="const unsigned char[::1]", first="const unsigned char*", offsets="long long[::1]", captured="long long[::1]",
        originals="long long[::1]", times="long long[::1]", interfaces="long long[::1]", size=cython.longlong,
        count=cython.longlong, i=cython.longlong, known=cython.longlong, link_type=int, offset=cython.longlong,
        length=cython.longlong, interface=cython.longlong, time=cython.longlong,
    )
    cpdef void fold(self, object batch, object link_types)
    @cython.locals(view="const unsigned char[::1]")
    cdef void hold(self, bytes content, long long original, long long time, long long interface)
    @cython.locals(
        total="unsigned long long*", reach=int,
    )
    cdef int add(
        self, const unsigned char* data, long long offset, long long captured, long long original,
        unsigned long long time, long long interface, int link_type,
    ) except -1
    @cython.locals(
        frame=Frame, at=cython.ulonglong, total="unsigned long long*", cells="unsigned long long*",
        path=cython.ulonglong, second=cython.ulonglong,
    )
    cdef int add_decoded(
        self, const unsigned char* data, int reach, unsigned long long original, unsigned long long time,
        unsigned long long interface,
    ) except -1
    @cython.locals(total="unsigned long long*", step=cython.ulonglong)
    cdef int back(self, unsigned long long time) except -1
    @cython.locals(
        cells="unsigned long long*", src_mac=cython.ulonglong, dst_mac=cython.ulonglong, vlan=cython.ulonglong,
        macs=cython.ulonglong, tunnel=cython.ulonglong, at=cython.ulonglong, h=cython.ulonglong, tag=cython.ulonglong,
        spot=cython.ulonglong, recent=cython.ulonglong, slots="unsigned long long*", mask=cython.ulonglong, place=cython.ulonglong, width=cython.ulonglong,
    )
    cdef unsigned long long find_path(self, Frame frame, unsigned long long interface)
    @cython.locals(protocol=cython.ulonglong)
    cdef void add_note(
        self, Frame frame, int reach, unsigned long long path, unsigned long long interface, unsigned long long time
    )
    @cython.locals(at=cython.ulonglong, cells="unsigned long long*")
    cdef void add_fragment(self, Frame frame, unsigned long long path, unsigned long long time)
    @cython.locals(at=cython.ulonglong, cells="unsigned long long*")
    cdef void add_claim(self, Frame frame, unsigned long long interface, unsigned long long time)
    @cython.locals(at=cython.ulonglong, cells="unsigned long long*")
    cdef void add_icmp(self, Frame frame, unsigned long long interface, unsigned long long time)
    @cython.locals(place=cython.ulonglong, at=cython.ulonglong, cells="unsigned long long*")
    cdef int count_bytes(self, unsigned long long path, unsigned long long second, unsigned long long original) except -1
    @cython.locals(place=cython.ulonglong, at=cython.ulonglong, cells="unsigned long long*")
    cdef int count_syn(self, Frame frame, unsigned long long second) except -1
    @cython.locals(total="unsigned long long*")
    cpdef dict buffers(self)
    cpdef tail(self)
    cpdef resume(self, object tail)
