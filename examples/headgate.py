# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bundles from Python: the C API (include/headgate/headgate.h) through ctypes.

    import headgate
    layer = headgate.Device("cuda").open("layer.hgb")  # or host, sim:sm_80
    y = layer(x, w_q, w_k, w_v, w_o)     # torch tensors, numpy arrays, DLPack
    op = headgate.torch_op(layer)        # the same, kept whole by torch.compile

Tensors in the device's memory are borrowed, never copied; host tensors that are
given to a device with memory of its own are copied there, and results back. On
CUDA a call is enqueued on torch's current stream.
"""
import ctypes
import json
import re
import sys
import weakref
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "build/lib/libheadgate.so"
CUDA = 2  # kDLCUDA; the simulator's memory is called that, too

_pointer, _size = ctypes.c_void_p, ctypes.c_size_t
_functions = {  # name: (result, arguments); a pointer as result is an HgError
    "hgErrorCode": (ctypes.c_int, [_pointer]),
    "hgErrorMessage": (ctypes.c_char_p, [_pointer]),
    "hgInputName": (ctypes.c_char_p, [_pointer, _size]),
    "hgDeviceOpen": (_pointer, [_pointer] * 2),
    "hgBundleOpen": (_pointer, [_pointer] * 2),
    "hgSessionCreate": (_pointer, [_pointer] * 4),
    "hgInvocationCreate": (_pointer, [_pointer] * 3),
    "hgUpload": (_pointer, [_pointer] * 3),
    "hgDownload": (_pointer, [_pointer] * 3),
    "hgRun": (_pointer, [_pointer, _pointer, _size, _pointer, _size, _pointer]),
    "hgRunAllocating":
        (_pointer, [_pointer, _pointer, _size, _pointer, _size, _pointer]),
} | {f"hg{kind}Free": (None, [_pointer])
     for kind in ("Error", "Device", "Bundle", "Session", "Invocation")}


class Error(Exception):
    """What the library says; `code` is an HgErrorCode."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class Device:
    def __init__(self, uri="host", library=LIBRARY):
        self.api = ctypes.CDLL(str(library))
        for name, (result, arguments) in _functions.items():
            function = getattr(self.api, name)
            function.restype, function.argtypes = result, arguments
        self.handle = self.make("Device", self.api.hgDeviceOpen, uri.encode())
        self.is_host = uri.startswith("host")

    def open(self, bundle, entry=None, tuned=None):
        """An entry of a bundle; `entry` may be left out if there is one only."""
        return Entry(self, bundle, entry, tuned)

    def upload(self, tensor):
        return self._copy(self.api.hgUpload, tensor)

    def download(self, tensor):
        return self._copy(self.api.hgDownload, tensor)

    def _copy(self, function, tensor):
        copy = _pointer()
        owner, address = _borrow(tensor)
        self.check(function(self.handle, address, ctypes.byref(copy)))
        return Tensor(copy.value)

    def check(self, error):
        if error:
            found = Error(self.api.hgErrorMessage(error).decode(),
                          self.api.hgErrorCode(error))
            self.api.hgErrorFree(error)
            raise found

    def make(self, kind, function, *arguments):
        """A handle that is freed when nobody has it any more."""
        handle = _pointer()
        self.check(function(*arguments, ctypes.byref(handle)))
        weakref.finalize(handle, getattr(self.api, f"hg{kind}Free"),
                         handle.value)
        return handle


class Entry:
    """One entry of a bundle; called by one thread at a time."""

    def __init__(self, device, bundle, name=None, tuned=None):
        self.device, api = device, device.api
        opened = device.make("Bundle", api.hgBundleOpen, str(bundle).encode())
        session = device.make("Session", api.hgSessionCreate, device.handle,
                              opened, tuned and str(tuned).encode())
        self.call = device.make("Invocation", api.hgInvocationCreate, session,
                                name and name.encode())
        entries = json.loads((Path(bundle) / "plan.json").read_text())["entries"]
        self.plan = next(e for e in entries if name in (None, e["name"]))
        self.input_names = [t["name"] for t in self.plan["inputs"]]
        self.output_names = [t["name"] for t in self.plan["outputs"]]

    def __call__(self, *inputs, stream=None):
        """The results, as what the first input is: tensors of torch, arrays of
        numpy, or objects that any from_dlpack takes. One, or a list of them."""
        given, staged = inputs, self.stages(inputs)
        if staged:  # copies are of the default stream
            inputs, stream = [self.device.upload(x) for x in inputs], None
        made = (_pointer * len(self.output_names))()
        run = self._prepare(self.device.api.hgRunAllocating, inputs, made,
                            stream)
        run()
        results = [Tensor(address) for address in made]
        if staged:
            results = [self.device.download(x) for x in results]
        results = [_as(x, given[0] if given else None) for x in results]
        return results[0] if len(results) == 1 else results

    def bind(self, inputs, outputs, stream=None):
        """A function that runs the entry on these tensors of the device, in as
        little time as there is."""
        borrowed = [_borrow(x, stream) for x in outputs]
        run = self._prepare(self.device.api.hgRun, inputs, _array(borrowed),
                            stream)
        run.outputs = borrowed  # live as long as the function
        return run

    def _prepare(self, function, inputs, outputs, stream):
        borrowed = [_borrow(x, stream) for x in inputs]
        stream = _current_stream(inputs) if stream is None else stream
        arguments = (self.call, _array(borrowed), len(borrowed), outputs,
                     len(outputs), stream)

        def run():
            self.device.check(function(*arguments))

        run.inputs = borrowed
        return run

    def stages(self, inputs):
        """Whether these inputs are copied to the device, and results back."""
        return not (self.device.is_host or any(map(_is_cuda, inputs)))

    def output_shapes(self, shapes):
        """Extents of the results for inputs of these shapes, by the plan."""
        dims = {}
        for tensor, shape in zip(self.plan["inputs"], shapes):
            for name, extent in zip(tensor["shape"], shape):
                dims.setdefault(name, extent)
        return [[evaluate(extent, dims) for extent in tensor["shape"]]
                for tensor in self.plan["outputs"]]


def torch_op(entry, name=None):
    """`entry` as a custom op "headgate::NAME", which torch.compile calls as it
    is: its inputs and outputs in the plan's order, nothing changed in place."""
    import torch
    types = {"f32": torch.float32, "f16": torch.float16, "f64": torch.float64,
             "bf16": torch.bfloat16, "i8": torch.int8, "i16": torch.int16,
             "i32": torch.int32, "i64": torch.int64, "u8": torch.uint8,
             "i1": torch.bool}

    def empty(*inputs):
        shapes = entry.output_shapes([x.shape for x in inputs])
        made = [inputs[0].new_empty(shape, dtype=types[tensor["dtype"]])
                for shape, tensor in zip(shapes, entry.plan["outputs"])]
        return made[0] if len(made) == 1 else tuple(made)

    def run(*inputs):
        if entry.stages(inputs):
            found = entry(*inputs)
            return tuple(found) if isinstance(found, list) else found
        made = empty(*inputs)
        entry.bind(inputs, [made] if torch.is_tensor(made) else made)()
        return made

    def identifier(text):
        return re.sub(r"\W", "_", text)

    takes = ", ".join("Tensor " + identifier(x) for x in entry.input_names)
    gives = ", ".join("Tensor" for _ in entry.output_names)
    op = torch.library.custom_op(
        "headgate::" + identifier(name or entry.plan["name"]), run,
        mutates_args=(), schema=f"({takes}) -> ({gives})")
    op.register_fake(empty)
    return op


class Tensor:
    """A tensor that the library made, for one from_dlpack to take."""

    def __init__(self, address):
        self.address, managed = address, _Managed.from_address(address)
        self.device = tuple(managed.device)
        self.end = weakref.finalize(self, managed.deleter, address)

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **_):
        if not self.end.detach():
            raise BufferError("this tensor was taken already")
        return _new_capsule(self.address, b"dltensor", _end_capsule)


class _Managed(ctypes.Structure):
    """DLManagedTensor."""
    _fields_ = [("data", _pointer), ("device", ctypes.c_int32 * 2),
                ("ndim", ctypes.c_int32), ("dtype", ctypes.c_uint8 * 4),
                ("shape", _pointer), ("strides", _pointer),
                ("byte_offset", ctypes.c_uint64), ("context", _pointer),
                ("deleter", ctypes.CFUNCTYPE(None, _pointer))]


_python = ctypes.pythonapi
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, _pointer, ctypes.c_char_p,
                                 _pointer)(("PyCapsule_New", _python))
_address_of = ctypes.PYFUNCTYPE(_pointer, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _python))
# In a destructor the capsule is no object any more that Python could hold.
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_char_p)(
    ("PyCapsule_IsValid", _python))
_address_within = ctypes.PYFUNCTYPE(_pointer, _pointer, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _python))


@ctypes.PYFUNCTYPE(None, _pointer)
def _end_capsule(capsule):
    if _is_valid(capsule, b"dltensor"):  # nobody took it
        address = _address_within(capsule, b"dltensor")
        _Managed.from_address(address).deleter(address)


def _borrow(tensor, stream=None):
    """What keeps the tensor, and the address of its DLManagedTensor."""
    if isinstance(tensor, Tensor):
        return tensor, tensor.address
    if not _is_cuda(tensor):
        capsule = _detached(tensor).__dlpack__()
    else:  # -1: of torch it is the current stream, where it was computed
        is_ordered = stream is None and _is_torch(tensor)
        capsule = _detached(tensor).__dlpack__(
            stream=-1 if is_ordered else stream or 1)
    return capsule, _address_of(capsule, b"dltensor")


def _array(borrowed):
    return (_pointer * len(borrowed))(*[address for _, address in borrowed])


def _is_torch(tensor):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(tensor, torch.Tensor)


def _detached(tensor):
    return tensor.detach() if _is_torch(tensor) else tensor


def _is_cuda(tensor):
    return tensor.__dlpack_device__()[0] == CUDA


def _current_stream(tensors):
    for tensor in tensors:
        if _is_torch(tensor) and tensor.is_cuda:
            return sys.modules["torch"].cuda.current_stream(
                tensor.device).cuda_stream
    return None


def _as(tensor, like):
    """`tensor` in the library of `like`."""
    library = sys.modules.get(type(like).__module__.split(".")[0])
    take = getattr(library, "from_dlpack", None)
    return take(tensor) if take else tensor


def evaluate(extent, dims):
    """A size expression of the plan (docs/plan.md)."""
    known = {"min": min, "max": max, "cdiv": lambda a, b: -(-a // b),
             "align": lambda a, b: -(-a // b) * b}
    if isinstance(extent, int):
        return extent
    text = re.sub(r"[A-Za-z_][\w.]*", lambda found: found[0] if found[0] in known
                  else f"dims['{found[0]}']", extent.replace("/", "//"))
    return eval(text, {"__builtins__": {}, "dims": dims} | known)
