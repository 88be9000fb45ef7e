# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads the kernels of this directory as kernels of Triton.

    import headgate_triton as headgate
    kernel = headgate.load(directory, 'attend_0')
    sizes = {'B': 1, 'S': 4096, 'T': 4096}
    workspace = torch.empty(headgate.workspace_bytes(kernel, sizes), dtype=torch.uint8, device='cuda')
    kernel[headgate.grid(kernel, sizes)](*headgate.arguments(kernel, sizes, q=q, k=k, v=v, o=o, workspace=workspace))

`kernel` is a triton.compiler.CompiledKernel, so triton.testing.do_bench and
Triton's hooks work with it. What it takes, in which order, is in
kernel.metadata.headgate. Needs Triton 3.5 or later; `python headgate_triton.py`
lists the kernels without it.
"""
import json
import pathlib
import re


def read(directory, name):
    """What NAME.json says."""
    return json.loads((pathlib.Path(directory) / f'{name}.json').read_text())


def load(directory, name):
    """The kernel, from its cubin if there is one, else assembled by Triton."""
    directory = pathlib.Path(directory).absolute()
    if (directory / f'{name}.cubin').exists():
        return load_cubin(directory, name)
    return compile_ptx(directory, name)


class _Source:
    """What CompiledKernel asks of the source of a kernel."""

    def __init__(self, name, types):
        self.name = name
        self.signature = dict(enumerate(types))
        self.constants = {}
        self.fn = None


def load_cubin(directory, name):
    """Route B: our cubin as it is, without Triton's compiler."""
    from triton.compiler.compiler import CompiledKernel

    directory, metadata = pathlib.Path(directory).absolute(), read(directory, name)
    files = {p.name: str(p) for suffix in ('json', 'ptx', 'cubin')
             if (p := directory / f'{name}.{suffix}').exists()}
    types = [a['type'] for a in metadata['headgate']['arguments']]
    return CompiledKernel(_Source(name, types), files, metadata['hash'])


def compile_ptx(directory, name):
    """Route A: triton.compile of a stub whose PTX is replaced by ours, which
    Triton's own ptxas assembles."""
    import triton
    from triton.backends.compiler import GPUTarget

    directory, metadata = pathlib.Path(directory).absolute(), read(directory, name)
    own = metadata['headgate']
    if 'notCompiled' in own:
        raise ValueError(f"{name}: {own['notCompiled']}. It needs its .cubin: export "
                         'it where ptxas is')
    options = dict(num_warps=metadata['num_warps'],
                   ir_override=str(directory / f'{name}.ptx'))
    if metadata['shared']:
        # Of Triton 3.9; without it more than static shared memory is not launched.
        options['min_shared_mem'] = metadata['shared']
    target = metadata['target']
    kernel = triton.compile(
        str(directory / f'{name}.stub.ttir'), options=options,
        target=GPUTarget(target['backend'], target['arch'], target['warp_size']))
    if kernel.metadata.shared < metadata['shared']:
        raise RuntimeError(f"{name} needs {metadata['shared']} bytes of shared memory, "
                           'which this Triton cannot be asked for: Triton 3.9 can')
    kernel.metadata = _with_own(kernel.metadata, own)
    return kernel


def _with_own(metadata, own):
    from collections import namedtuple

    fields = {**metadata._asdict(), 'headgate': own}
    return namedtuple('KernelMetadata', sorted(fields))(**fields)


_FUNCTIONS = {'min': min, 'max': max, 'cdiv': lambda a, b: -(-a // b),
              'align': lambda a, b: -(-a // b) * b}


def evaluate(expression, sizes):
    """The value of a size expression (docs/plan.md of Headgate)."""
    def word(match):
        name = match.group()
        if name in _FUNCTIONS:
            return name
        if name not in sizes:
            raise KeyError(f"'{expression}' needs {name}; given are {', '.join(sizes)}")
        return f'({int(sizes[name])})'

    text = re.sub(r'[A-Za-z_][A-Za-z0-9_.]*', word, expression)
    text = text.replace('/', '//').replace('&&', ' and ')
    return int(eval(text, {'__builtins__': {}, **_FUNCTIONS}))


def _own(kernel):
    return kernel['headgate'] if isinstance(kernel, dict) else kernel.metadata.headgate


def grid(kernel, sizes):
    """(x, y, z); `kernel` is a loaded one, or what read() gives."""
    own = _own(kernel)
    if not evaluate(own['when'], sizes):
        raise ValueError(f"{own['variant']} is for {own['when']} only")
    return tuple(evaluate(extent, sizes) for extent in own['grid'])


def workspace_bytes(kernel, sizes):
    """Bytes of the argument `workspace`; launches of one variant share it."""
    return evaluate(_own(kernel)['workspaceBytes'], sizes)


def arguments(kernel, sizes, **given):
    """All arguments in their order: tensors as given, numbers as given or from
    the sizes, constants from the plan."""
    values = []
    for argument in _own(kernel)['arguments']:
        name, type = argument['name'], argument['type']
        if 'value' in argument:
            value = argument['value']
            value = float(value) if type == 'fp32' else evaluate(str(value), sizes)
        elif name in given:
            value = given.pop(name)
        elif argument.get('parameter') in sizes:
            value = sizes[argument['parameter']]
        else:
            raise TypeError(f"argument '{name}' ({type}) is missing")
        values.append(value)
    if given:
        raise TypeError(f"no argument is called '{next(iter(given))}'; there are " +
                        ', '.join(a['name'] for a in _own(kernel)['arguments']))
    return values


if __name__ == '__main__':
    for path in sorted(pathlib.Path(__file__).parent.glob('*.json')):
        metadata = json.loads(path.read_text())
        if 'headgate' not in metadata:
            continue
        own = metadata['headgate']
        when = '' if own['when'] == '1' else f", for {own['when']}"
        print(f"{metadata['name']}: {own['target']}, {metadata['num_warps']} warps, "
              f"{metadata['shared']} bytes of shared memory{when}")
        print(f"  grid {' x '.join(own['grid'])}")
        for argument in own['arguments']:
            value = f" = {argument['value']}" if 'value' in argument else ''
            print(f"  {argument['type']} {argument['name']}{value}")
