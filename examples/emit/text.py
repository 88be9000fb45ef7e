# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The text of one MLIR function, built op by op.

A shape is a tuple whose entries are numbers or, where the extent is dynamic,
names ('B', 'S') and sums of names ('P+S'). Names print as `?`; on arguments
and results they are also `routed.dims`, so equal names are equal extents.
"""
import math


class Value:
    """A tensor in the function: its SSA name, shape and element type."""

    def __init__(self, name, shape, element):
        self.name, self.shape, self.element = name, tuple(shape), element

    def __str__(self):
        return self.name

    @property
    def type(self):
        extents = ['%d' % n if isinstance(n, int) else '?' for n in self.shape]
        return 'tensor<%s>' % 'x'.join(extents + [self.element])


def types(*values):
    return ', '.join(value.type for value in values)


def number(value):
    """A float as MLIR reads it: always with a point."""
    text = repr(float(value))
    mantissa, e, exponent = text.partition('e')
    return mantissa + ('' if '.' in mantissa else '.0') + e + exponent


class Function:
    """Ops are appended by the methods, which return the values they define."""

    def __init__(self, name):
        self.name = name
        self.arguments, self.results = [], []  # (name, Value)
        self.maps = {}                         # affine map to alias
        self.extents, self.head, self.body = {}, [], []
        self.taken = set()

    # -- arguments, results, text ---------------------------------------------

    def argument(self, name, shape, element):
        value = Value(self.fresh(name), shape, element)
        self.arguments.append((name, value))
        return value

    def result(self, name, value):
        self.results.append((name, value))

    def comment(self, text):
        self.body += ['', '// ' + text]

    @staticmethod
    def attributes(name, value):
        dims = ', '.join('"%s"' % n for n in value.shape if isinstance(n, str))
        dims = ', routed.dims = [%s]' % dims if dims else ''
        return '{routed.name = "%s"%s}' % (name, dims)

    def text(self):
        lines = ['%s = %s' % (alias, text) for text, alias in self.maps.items()]
        lines += [''] if lines else []
        lines += ['func.func @%s(' % self.name]
        lines += [',\n'.join('    %s: %s %s' % (v, v.type, self.attributes(n, v))
                             for n, v in self.arguments) + ')']
        lines += ['    -> (' + ',\n        '.join(
            '%s %s' % (v.type, self.attributes(n, v))
            for n, v in self.results) + ') {']
        lines += ['  ' + line if line else '' for line in self.head + self.body]
        lines += ['', '  return ' + ', '.join(v.name for _, v in self.results),
                  '      : ' + ',\n        '.join(v.type for _, v in self.results), '}']
        return '\n'.join(lines) + '\n'

    def fresh(self, hint):
        name, count = '%' + hint, 1
        while name in self.taken:
            count += 1
            name = '%%%s_%d' % (hint, count)
        self.taken.add(name)
        return name

    # -- extents and constants ------------------------------------------------

    def constant(self, text, type_):
        """A scalar, defined once at the top."""
        key = (text, type_)
        if key not in self.extents:
            hints = {'0.0': 'zero', '-1': 'none'}
            name = self.fresh(hints.get(text, 'c' + text))
            self.extents[key] = name
            self.head.append('%s = arith.constant %s : %s' % (name, text, type_))
        return self.extents[key]

    def extent(self, dim):
        """A dynamic extent as an index, defined once at the top."""
        if dim in self.extents:
            return self.extents[dim]
        if '+' in dim:
            parts = [self.extent(part) for part in dim.split('+')]
            name = self.fresh(dim.replace('+', 'and'))
            self.head.append('%s = arith.addi %s : index' % (name, ', '.join(parts)))
        else:
            value, at = next((v, v.shape.index(dim)) for _, v in self.arguments
                             if dim in v.shape)
            index = self.constant(str(at), 'index')
            name = self.fresh(dim)
            self.head.append('%s = tensor.dim %s, %s : %s'
                             % (name, value, index, value.type))
        self.extents[dim] = name
        return name

    def sizes(self, shape):
        return ', '.join('%d' % n if isinstance(n, int) else self.extent(n)
                         for n in shape)

    # -- ops ------------------------------------------------------------------

    def op(self, hint, text, shape, element):
        """One op with one result."""
        return self.ops([hint], text, [(shape, element)])[0]

    def ops(self, hints, text, kinds):
        """One op with several results, each a (shape, element)."""
        values = [Value(self.fresh(h), *kind) for h, kind in zip(hints, kinds)]
        line = '%s = %s' % (', '.join(map(str, values)), text)
        if len(line) > 100 and '\n' not in line:
            line = '\n      : '.join(line.rsplit(' : ', 1))
        self.body.append(line)
        return values

    def map(self, loops, letters):
        """The alias of an affine map; loops and results are letters."""
        text = 'affine_map<(%s) -> (%s)>' % (', '.join(loops), ', '.join(letters))
        if text not in self.maps:
            alias, taken = '#%s_%d' % (''.join(letters), len(loops)), self.maps.values()
            while alias in taken:
                alias += 'x'
            self.maps[text] = alias
        return self.maps[text]

    def empty(self, shape, element, hint='e'):
        dynamic = [self.extent(n) for n in shape if isinstance(n, str)]
        value = Value('', shape, element)
        return self.op(hint, 'tensor.empty(%s) : %s' % (', '.join(dynamic), value.type),
                       shape, element)

    def fill(self, text, shape, element, hint='z'):
        scalar, empty = self.constant(text, element), self.empty(shape, element)
        return self.op(hint, 'linalg.fill ins(%s : %s) outs(%s : %s) -> %s'
                       % (scalar, element, empty, empty.type, empty.type),
                       shape, element)

    def broadcast(self, row, shape, hint='z'):
        """`row` for every token: shape is [B, S] and that of the row."""
        empty = self.empty(shape, row.element)
        return self.op(hint, 'linalg.broadcast ins(%s : %s) outs(%s : %s) dimensions = [0, 1]'
                       % (row, row.type, empty, empty.type), shape, row.element)

    def expand(self, value, at, extents, hint=None):
        """Dimension `at` seen as several."""
        shape = value.shape[:at] + tuple(extents) + value.shape[at + 1:]
        return self.reshape('expand', value, shape, shape, at, len(extents), hint)

    def collapse(self, value, at, count, hint=None):
        """`count` dimensions from `at` seen as one: at most one is dynamic."""
        parts = value.shape[at:at + count]
        names = [n for n in parts if isinstance(n, str)]
        merged = names[0] if names else math.prod(parts)
        shape = value.shape[:at] + (merged,) + value.shape[at + count:]
        return self.reshape('collapse', value, shape, value.shape, at, count, hint)

    def reshape(self, kind, value, shape, wide, at, count, hint):
        groups = [[i] for i in range(at)] + [list(range(at, at + count))]
        groups += [[i] for i in range(at + count, len(wide))]
        to = Value('', shape, value.element).type
        output = ' output_shape [%s]' % self.sizes(shape) if kind == 'expand' else ''
        return self.op(hint or value.name[1:], 'tensor.%s_shape %s %s%s : %s into %s'
                       % (kind, value, groups, output, value.type, to),
                       shape, value.element)

    def slice(self, value, at, begin, extent, hint):
        """Positions begin, begin + 1, ... of one dimension."""
        offsets = ['0'] * len(value.shape)
        offsets[at] = str(begin)
        shape = value.shape[:at] + (extent,) + value.shape[at + 1:]
        result = Value('', shape, value.element)
        return self.op(hint, 'tensor.extract_slice %s[%s] [%s] [%s] : %s to %s'
                       % (value, ', '.join(offsets), self.sizes(shape),
                          ', '.join('1' * len(shape)), value.type, result.type),
                       shape, value.element)

    def concat(self, at, parts, hint):
        extents = [part.shape[at] for part in parts]
        merged = (sum(extents) if all(isinstance(n, int) for n in extents)
                  else '+'.join(extents))
        shape = parts[0].shape[:at] + (merged,) + parts[0].shape[at + 1:]
        result = Value('', shape, parts[0].element)
        return self.op(hint, 'tensor.concat dim(%d) %s : (%s) -> %s'
                       % (at, ', '.join(map(str, parts)), types(*parts), result.type),
                       shape, result.element)

    def cast(self, value, element, hint=None):
        """To another float type; narrowing rounds to nearest even."""
        if value.element == element:
            return value
        to = Value('', value.shape, element)
        return self.op(hint or value.name[1:], 'arith.%s %s : %s to %s'
                       % ('extf' if element == 'f32' else 'truncf', value,
                          value.type, to.type), value.shape, element)

    def contract(self, spec, x, w, bias=None, hint='y'):
        """Einstein's sum over the one letter that the result lacks, in f32,
        on top of the bias: 'bsd,hed->bshe'."""
        operands, result = spec.split('->')
        left, right = operands.split(',')
        loops = result + ''.join(c for c in right if c not in result)
        extents = dict(zip(left, x.shape)) | dict(zip(right, w.shape))
        shape = [extents[c] for c in result]
        if bias:
            start = self.broadcast(self.cast(bias, 'f32'), shape)
        else:
            start = self.fill('0.0', shape, 'f32')
        maps = ', '.join(self.map(loops, letters) for letters in (left, right, result))
        return self.op(hint, 'linalg.contract indexing_maps = [%s]\n'
                       '      ins(%s, %s : %s) outs(%s : %s) -> %s'
                       % (maps, x, w, types(x, w), start, start.type, start.type),
                       shape, 'f32')

    def generic(self, loops, inputs, start, kinds, body, hint):
        """linalg.generic: `inputs` and `start` are (value, letters); in `body`
        the scalars are %in0, %in1, ... and %out, other names start with %in_,
        and the last line yields."""
        operands = [value for value, _ in inputs]
        value, _ = start
        maps = ', '.join(self.map(loops, letters) for _, letters in inputs + [start])
        scalars = ['%%in%d: %s' % (i, v.element) for i, v in enumerate(operands)]
        scalars = ', '.join(scalars + ['%%out: %s' % value.element])
        iterators = ', '.join('"%s"' % {'p': 'parallel', 'r': 'reduction'}[c]
                              for c in kinds)
        return self.op(
            hint, 'linalg.generic {indexing_maps = [%s],\n      iterator_types = [%s]}\n'
            '      ins(%s : %s) outs(%s : %s) {\n  ^bb0(%s):\n    %s\n  } -> %s'
            % (maps, iterators, ', '.join(map(str, operands)), types(*operands),
               value, value.type, scalars, '\n    '.join(body), value.type),
            value.shape, value.element)
