# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bundles from Python: the C API of libheadgate.so through ctypes.

Tensors are anything with __dlpack__ (numpy arrays, torch tensors); they are
borrowed, never copied.
"""

import ctypes
import subprocess

_pointer = ctypes.c_void_p


class HeadgateError(Exception):
    pass


class Runtime:
    """libheadgate.so of a build tree and one device."""

    def __init__(self, library, device="host"):
        self.api = api = ctypes.CDLL(library)
        api.hgErrorMessage.restype = ctypes.c_char_p
        api.hgInputCount.restype = ctypes.c_size_t
        api.hgInputName.restype = ctypes.c_char_p
        for name in ("hgDeviceOpen", "hgBundleOpen", "hgSessionCreate",
                     "hgInvocationCreate", "hgRun"):
            getattr(api, name).restype = _pointer
        self.device = self.make(api.hgDeviceOpen, device.encode())

    def check(self, error):
        if error:
            message = self.api.hgErrorMessage(_pointer(error)).decode()
            self.api.hgErrorFree(_pointer(error))
            raise HeadgateError(message)

    def make(self, function, *arguments):
        handle = _pointer()
        self.check(function(*arguments, ctypes.byref(handle)))
        return handle

    def open(self, bundle, entry=None):
        return Entry(self, bundle, entry)


class Entry:
    """One entry of a bundle, ready to be called."""

    def __init__(self, runtime, bundle, entry):
        self.runtime, api = runtime, runtime.api
        handle = runtime.make(api.hgBundleOpen, str(bundle).encode())
        session = runtime.make(api.hgSessionCreate, runtime.device, handle,
                               None)
        self.call = runtime.make(api.hgInvocationCreate, session,
                                 entry.encode() if entry else None)
        api.hgSessionFree(session)
        api.hgBundleFree(handle)

    def input_names(self):
        api = self.runtime.api
        return [api.hgInputName(self.call, ctypes.c_size_t(i)).decode()
                for i in range(api.hgInputCount(self.call))]

    def bind(self, inputs, outputs):
        """A function that runs the entry on these tensors."""
        capsules = [t.__dlpack__() for t in (*inputs, *outputs)]
        tensors = [_capsule(c) for c in capsules]
        ins = (_pointer * len(inputs))(*tensors[:len(inputs)])
        outs = (_pointer * len(outputs))(*tensors[len(inputs):])

        def run():
            _ = capsules  # alive as long as the function
            self.runtime.check(self.runtime.api.hgRun(
                self.call, ins, len(ins), outs, len(outs), None))

        return run


def _capsule(capsule):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = _pointer, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, b"dltensor")


def compile_bundle(compiler, text, path, *flags):
    """Compiles the module `text` to the bundle `path`."""
    subprocess.run([compiler, "-", "-o", str(path), *flags], input=text,
                   text=True, check=True)
