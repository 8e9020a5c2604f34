# The C types of legs.py.

cimport cython
from dsrcheck.kernel.decode cimport Frame
from dsrcheck.kernel.hashing cimport packet_hash
from dsrcheck.kernel.layout cimport *
from dsrcheck.kernel.rows cimport Index, Rows

cdef unsigned long long MASK, MASK_32, FACTOR

cdef enum:
    TCP = 6
    ICMP = 1
    ICMPV6 = 58
    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16
    HALF = 0x80000000U
    PREFIX = 16
    RECENT = 0x8000

@cython.final
cdef class LegRows:
    cdef public Rows rows, restarts
    cdef Index index
    cdef public unsigned long long folded_legs, folded_frames, folded_bytes, unlisted
    cdef unsigned long long limit, seed
    cdef unsigned long long[::1] recent

    @cython.locals(
        protocol=cython.ulonglong, later=cython.ulonglong, src_port=cython.ulonglong, dst_port=cython.ulonglong,
        echo=int, at=cython.ulonglong, leg="unsigned long long*", half="unsigned int*", octet="unsigned char*",
        ttl=cython.ulonglong, length=cython.ulonglong,
        h=cython.ulonglong, payload=cython.longlong,
    )
    cdef int add(
        self, Frame frame, const unsigned char* data, int reach, unsigned long long path, unsigned long long original,
        unsigned long long time, unsigned long long number,
    ) except -1
    cdef int forget(self) except -1
    @cython.locals(leg="unsigned long long*", half="unsigned int*", octet="unsigned char*", same=cython.bint)
    cdef bint is_leg(
        self, unsigned long long at, Frame frame, unsigned long long path, unsigned long long src_port,
        unsigned long long dst_port, unsigned long long later,
    ) noexcept
    @cython.locals(
        at=cython.ulonglong, tag=cython.ulonglong, spot=cython.ulonglong, entry=cython.ulonglong, row=cython.ulonglong,
    )
    cdef unsigned long long find(
        self, Frame frame, unsigned long long path, unsigned long long src_port, unsigned long long dst_port,
        unsigned long long later,
    ) except? 0xFFFFFFFFFFFFFFFF
    @cython.locals(
        h=cython.ulonglong, tag=cython.ulonglong, slots="unsigned long long*", mask=cython.ulonglong,
        place=cython.ulonglong, row=cython.ulonglong,
    )
    cdef unsigned long long find_row(
        self, Frame frame, unsigned long long path, unsigned long long src_port, unsigned long long dst_port,
        unsigned long long later,
    ) except? 0xFFFFFFFFFFFFFFFF
    @cython.locals(leg="unsigned long long*", half="unsigned int*", octet="unsigned char*")
    cdef void begin_key(
        self, unsigned long long at, Frame frame, unsigned long long path, unsigned long long src_port,
        unsigned long long dst_port, unsigned long long later,
    ) noexcept
    @cython.locals(leg="unsigned long long*", half="unsigned int*", octet="unsigned char*", place=cython.ulonglong)
    cdef int begin(self, Frame frame, unsigned long long at, unsigned long long time, unsigned long long number) except -1
    @cython.locals(leg="unsigned long long*", place=cython.ulonglong, last=cython.ulonglong)
    cdef int sample(self, unsigned long long at, unsigned long long h) except -1
    @cython.locals(
        leg="unsigned long long*", half="unsigned int*", octet="unsigned char*", flags=cython.ulonglong, seq=cython.ulonglong, length=cython.ulonglong,
        mss=cython.ulonglong, end=cython.ulonglong, ahead=cython.ulonglong,
    )
    cdef int add_segment(self, Frame frame, unsigned long long at, unsigned long long time, unsigned long long number) except -1
    @cython.locals(leg="unsigned long long*", half="unsigned int*")
    cdef int add_syn(
        self, unsigned long long at, unsigned long long isn, unsigned long long time, unsigned long long number
    ) except -1
    @cython.locals(leg="unsigned long long*", half="unsigned int*", cells="unsigned long long*", row=cython.ulonglong)
    cdef void restart(
        self, unsigned long long at, unsigned long long isn, unsigned long long time, unsigned long long number
    )
    @cython.locals(
        leg="unsigned long long*", half="unsigned int*", cells="unsigned long long*", row=cython.ulonglong, ahead=cython.ulonglong,
    )
    cdef int add_acknowledgement(self, unsigned long long at, unsigned long long ack) except -1
    @cython.locals(
        rows=Rows, width=cython.ulonglong, leg="unsigned long long*", half="unsigned int*", lately=cython.ulonglong, row=cython.ulonglong,
        moved="unsigned long long[::1]", bound=cython.ulonglong, kept=cython.ulonglong, at=cython.ulonglong,
        to=cython.ulonglong, column=cython.ulonglong,
    )
    cdef void shed(self)
    @cython.locals(
        cells="unsigned long long*", width=cython.ulonglong, kept=cython.ulonglong, row=cython.ulonglong,
        at=cython.ulonglong, leg=cython.ulonglong, to=cython.ulonglong, column=cython.ulonglong,
    )
    cdef void shed_restarts(self, unsigned long long[::1] moved)
