# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NumPy files without NumPy: enough to make inputs and to read results."""
import ast
import struct

CODES = {'<f2': 'e', '<f4': 'f', '<f8': 'd', '|i1': 'b', '<i2': 'h', '<i4': 'i',
         '<i8': 'q', '|u1': 'B', '|b1': '?', '<V2': 'H', '>f4': '>f', '<u4': 'I',
         '<c8': 'd'}


def pack(descr, values):
    code = CODES[descr]
    order = code[0] if code[0] in '<>' else '<'
    return struct.pack('%s%d%s' % (order, len(values), code[-1]), *values)


def write(path, descr, shape, values, fortran=False, cut=0):
    """`cut` leaves out that many bytes at the end."""
    header = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (
        descr, fortran, ''.join('%d, ' % extent for extent in shape))
    header += ' ' * (-(len(header) + 11) % 64) + '\n'
    text = b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header))
    text += header.encode() + pack(descr, values)
    with open(path, 'wb') as file:
        file.write(text[:len(text) - cut])


def read(path):
    """(descr, shape, values)"""
    with open(path, 'rb') as file:
        text = file.read()
    assert text[:8] == b'\x93NUMPY\x01\x00', 'not a NumPy file'
    end = 10 + struct.unpack('<H', text[8:10])[0]
    header = ast.literal_eval(text[10:end].decode())
    assert not header['fortran_order']
    code = CODES[header['descr']]
    count = (len(text) - end) // struct.calcsize('<' + code)
    return (header['descr'], header['shape'],
            list(struct.unpack('<%d%s' % (count, code), text[end:])))
