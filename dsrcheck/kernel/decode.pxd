# The C types of decode.py: Cython reads this file beside it, the interpreter never does.
#
# How another kernel module uses Frame (tried: one source runs compiled and interpreted):
#   its .pxd:  from dsrcheck.kernel.decode cimport Frame      and types its attribute: `cdef Frame frame`
#   its .py:   from dsrcheck.kernel.decode import Frame       (the ordinary import, for the interpreter; Cython accepts both)
# A call of Frame.decode through a variable typed Frame is a plain C call, without the GIL.
# Attributes are 64 bits wide, so that sums and differences are the same compiled and interpreted: addresses unsigned,
# everything else signed and never negative.

cimport cython

cdef int LINK_NULL, LINK_ETHERNET, LINK_RAW_12, LINK_RAW_14, LINK_RAW
cdef int LINK_LOOP, LINK_COOKED, LINK_IPV4, LINK_IPV6, LINK_COOKED_2
cdef int TYPE_IPV4, TYPE_IPV6, TYPE_ARP, TYPE_BRIDGED, TYPE_PPPOE, TYPE_TAG, TYPE_SERVICE_TAG, TYPE_OLD_TAG
cdef int LONGEST_802_3, ARPHRD_ETHER, ARPHRD_NETLINK
cdef int HOP_BY_HOP, ICMP, IPIP, TCP, UDP, IPV6_IN_IP, ROUTING, FRAGMENT
cdef int GRE, AUTHENTICATION, ICMPV6, NO_NEXT, DESTINATION_OPTIONS, SCTP
cdef int PORT_GUE, PORT_GLB, PORT_GENEVE, TAG_LIMIT, EXTENSION_LIMIT, TUNNEL_LIMIT
cdef unsigned long long SNAP, ARP_OF_ETHERNET_AND_IPV4, MAPPED, BROADCAST, NO_TARGET

cdef long long u16(const unsigned char* data, Py_ssize_t at) noexcept nogil
@cython.locals(a=cython.ulonglong, b=cython.ulonglong, c=cython.ulonglong, d=cython.ulonglong)
cdef unsigned long long u32(const unsigned char* data, Py_ssize_t at) noexcept nogil
cdef unsigned long long u48(const unsigned char* data, Py_ssize_t at) noexcept nogil
cdef unsigned long long u64(const unsigned char* data, Py_ssize_t at) noexcept nogil
cdef bint is_tag(int ethertype) noexcept nogil
cdef bint is_extension(int header) noexcept nogil
cdef int snap_type(const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
@cython.locals(protocol=cython.int)
cdef int pppoe_type(const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil

@cython.final
cdef class Frame:
    # Touched by every frame: kept together, so that they share few cache lines.
    cdef public unsigned long long src_mac, dst_mac, src_high, src_low, dst_high, dst_low
    cdef public long long reach, macs, vlan, ethertype
    cdef public long long ip_version, ttl, protocol, ip_id, ip_length, dscp, dont_fragment, fragment_offset, more_fragments
    cdef public long long src_port, dst_port, seq, ack, tcp_flags, window, mss, ts_val, ts_ecr, has_ts
    cdef public long long payload_length, payload_offset, payload_captured
    cdef long long _stop, _header, _fragment, _fragment_id, _kind, _port, _rare
    # Rare: cleared only after a frame that set one of them.
    cdef public unsigned long long outer_src_high, outer_src_low, outer_dst_high, outer_dst_low
    cdef public long long tunnel, depth, outer_ttl, outer_dst_port
    cdef public long long quoted, claim, icmp_type, icmp_code, icmp_id, icmp_word, icmp_value
    cdef public unsigned long long quoted_src_high, quoted_src_low, quoted_dst_high, quoted_dst_low
    cdef public long long quoted_protocol, quoted_src_port, quoted_dst_port
    cdef public unsigned long long claim_mac, claim_high, claim_low, target_mac, target_high, target_low

    cpdef int decode(
        self, const unsigned char[::1] data, Py_ssize_t offset, Py_ssize_t captured, Py_ssize_t original, int link_type
    ) noexcept nogil
    cdef int decode_at(
        self, const unsigned char* data, Py_ssize_t offset, Py_ssize_t captured, Py_ssize_t original, int link_type
    ) noexcept nogil

    cdef void _clear(self) noexcept nogil
    cdef void _clear_rare(self) noexcept nogil
    cdef void _clear_scratch(self) noexcept nogil

    cdef Py_ssize_t _link(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int link_type) noexcept nogil
    @cython.locals(ethertype=cython.int)
    cdef Py_ssize_t _ethernet(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _cooked(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _cooked_2(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _cooked_sender(
        self, const unsigned char* data, Py_ssize_t end, int hardware, int length, Py_ssize_t sender, int ethertype, Py_ssize_t at
    ) noexcept nogil
    @cython.locals(family=cython.ulonglong)
    cdef Py_ssize_t _loopback(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(version=cython.int)
    cdef Py_ssize_t _raw(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int link_type) noexcept nogil
    @cython.locals(tags=cython.int, shift=cython.int, number=cython.longlong)
    cdef Py_ssize_t _tags(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int ethertype) noexcept nogil

    @cython.locals(transport=cython.Py_ssize_t)
    cdef void _internet(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t wire_end, int version) noexcept nogil
    cdef Py_ssize_t _ip(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t wire_end, int version) noexcept nogil
    @cython.locals(header=cython.Py_ssize_t, length=cython.Py_ssize_t, fragment=cython.longlong)
    cdef Py_ssize_t _ip4(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t wire_end) noexcept nogil
    @cython.locals(length=cython.Py_ssize_t, following=cython.int)
    cdef Py_ssize_t _ip6(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t wire_end) noexcept nogil
    @cython.locals(_=cython.int)
    cdef Py_ssize_t _extensions(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int header) noexcept nogil

    cdef Py_ssize_t _inner(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _inner_of_udp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(options=cython.int)
    cdef Py_ssize_t _inner_of_gre(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(inner=cython.Py_ssize_t)
    cdef Py_ssize_t _inner_of_gue(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(_=cython.int)
    cdef Py_ssize_t _encapsulated(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int ethertype) noexcept nogil
    @cython.locals(least=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cdef Py_ssize_t _plausible(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int version) noexcept nogil
    cdef void _enter_tunnel(self) noexcept nogil

    cdef void _transport(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef void _payload(self, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(header=cython.Py_ssize_t)
    cdef void _tcp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(kind=cython.int, length=cython.int)
    cdef void _tcp_options(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t stop) noexcept nogil
    @cython.locals(length=cython.Py_ssize_t)
    cdef void _udp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef void _sctp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil

    cdef void _icmp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(kind=cython.int)
    cdef void _icmp4(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(kind=cython.int)
    cdef void _icmp6(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(header=cython.Py_ssize_t, later=cython.longlong, protocol=cython.longlong)
    cdef void _quote(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(quote=cython.Py_ssize_t)
    cdef void _redirect(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil

    @cython.locals(opcode=cython.int, own=cython.bint, told_to_all=cython.bint)
    cdef void _arp(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(option=cython.Py_ssize_t)
    cdef void _neighbour(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _option(self, const unsigned char* data, Py_ssize_t at, Py_ssize_t end, int kind) noexcept nogil
