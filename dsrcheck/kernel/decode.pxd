# The C types of decode.py: Cython reads this file beside it, the interpreter never does.
#
# How another kernel module uses Frame (tried: one source runs compiled and interpreted):
#   its .pxd:  from dsrcheck.kernel.decode cimport Frame      and types its attribute: `cdef Frame frame`
#   its .py:   from dsrcheck.kernel.decode import Frame       (the ordinary import, for the interpreter; Cython accepts both)
# A call of Frame.decode through a variable typed Frame is a plain C call, without the GIL.
# Attributes are 64 bits wide, so that sums and differences are the same compiled and interpreted: addresses unsigned,
# everything else signed and never negative.

cimport cython

@cython.final
cdef class Frame:
    # Touched by every frame: kept together, so that they share few cache lines.
    cdef public unsigned long long src_mac, dst_mac, src_high, src_low, dst_high, dst_low
    cdef public long long reach, macs, vlan, ethertype, tunnel, depth
    cdef public long long ip_version, ttl, protocol, ip_id, ip_length, dscp, dont_fragment, fragment_offset, more_fragments
    cdef public long long src_port, dst_port, seq, ack, tcp_flags, window, mss, ts_val, ts_ecr, has_ts
    cdef public long long payload_length, payload_offset, payload_captured, claim, quoted
    # Rare: cleared only after a frame that set one of them.
    cdef public unsigned long long outer_src_high, outer_src_low, outer_dst_high, outer_dst_low
    cdef public long long outer_ttl, outer_dst_port
    cdef public long long icmp_type, icmp_code, icmp_id, icmp_word, icmp_value
    cdef public unsigned long long quoted_src_high, quoted_src_low, quoted_dst_high, quoted_dst_low
    cdef public long long quoted_protocol, quoted_src_port, quoted_dst_port
    cdef public unsigned long long claim_mac, claim_high, claim_low, target_mac, target_high, target_low

    cpdef int decode(
        self, const unsigned char[::1] data, Py_ssize_t offset, Py_ssize_t captured, Py_ssize_t original, int link_type
    ) noexcept nogil
    cdef int decode_at(
        self, const unsigned char* data, Py_ssize_t offset, Py_ssize_t captured, Py_ssize_t original, int link_type
    ) noexcept nogil
