# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The peers: the same attention problem in PyTorch, ONNX Runtime, OpenVINO and
IREE, each in the layout and form that is fastest for it.

A peer is a function of (problem, tensors, threads) that returns a function to
time and its result as a torch tensor [B, S, H, D], or raises Unfit if it does
not compute this problem. Preparation (models, sessions, layouts) is not timed.
"""

import torch
import torch.nn.functional as F


class Unfit(Exception):
    """This peer does not compute this problem."""


def torch_sdpa(problem, t, threads):
    """scaled_dot_product_attention on [B, H, S, D], its own layout."""
    q, k, v = (x.transpose(1, 2).contiguous() for x in (t.q, t.k, t.v))
    causal = problem.S > 1

    def run():
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal,
                                              enable_gqa=True)

    return run, lambda: run().transpose(1, 2)


def torch_gqe(problem, t, threads):
    """The routed core: route, gather, two SDPA calls, renormalise, concat."""
    G, M, k = problem.G, problem.M, problem.k
    B, S, D = problem.B, problem.S, problem.D
    q = t.q.view(B, S, G, M, D)

    def run():
        p = torch.softmax(t.logits, dim=-1)
        weights, experts = p.topk(k, dim=-1)
        chosen = q.gather(3, experts[..., None].expand(-1, -1, -1, -1, D))
        heads = chosen.reshape(B, S, G * k, D).transpose(1, 2)
        kt, vt = t.k.transpose(1, 2), t.v.transpose(1, 2)
        causal = S > 1
        o = F.scaled_dot_product_attention(heads, kt, vt, is_causal=causal,
                                           enable_gqa=True)
        shared = F.scaled_dot_product_attention(
            t.q_shared.unsqueeze(1), kt.mean(1, keepdim=True),
            vt.mean(1, keepdim=True), is_causal=causal)
        o = o.transpose(1, 2)
        w = weights / weights.sum((-2, -1), keepdim=True).clamp_min(1e-9)
        renorm = (o * w.view(B, S, G * k, 1).to(o.dtype)).sum(2)
        return torch.cat((o.flatten(2), renorm, shared[:, 0]), -1)

    return run, run


def torch_layer(problem, t, threads):
    """A whole GQE layer without RoPE: projections, the routed core, output."""
    G, M, D, B, S = problem.G, problem.M, problem.D, problem.B, problem.S
    w = t.weights

    def run():
        logits = F.linear(t.x.float(), w["w_r"].float())
        inner = type(t)(
            q=F.linear(t.x, w["w_q"]).view(B, S, G * M, D),
            k=F.linear(t.x, w["w_k"]).view(B, S, G, D),
            v=F.linear(t.x, w["w_v"]).view(B, S, G, D),
            q_shared=F.linear(t.x, w["w_qs"]),
            logits=logits.view(B, S, G, M))
        core, _ = torch_gqe(problem, inner, threads)
        return F.linear(core(), w["w_o"])

    return run, run


def onnx_gqa(problem, t, threads):
    """com.microsoft GroupQueryAttention, the fastest causal form of ONNX
    Runtime on a CPU; f32 only."""
    if problem.dtype != "f32":
        raise Unfit("the CPU kernel is f32 only")
    import numpy as np
    import onnxruntime as ort
    from onnx import TensorProto, helper

    B, S, T, H, G, D = (problem.B, problem.S, problem.T, problem.H, problem.G,
                        problem.D)
    f32, i32 = TensorProto.FLOAT, TensorProto.INT32
    info = helper.make_tensor_value_info
    past = [B, G, T - S, D]
    node = helper.make_node(
        "GroupQueryAttention",
        ["q", "k", "v", "past_k", "past_v", "seqlens_k", "total"],
        ["o", "present_k", "present_v"], domain="com.microsoft", num_heads=H,
        kv_num_heads=G)
    graph = helper.make_graph(
        [node], "attention",
        [info("q", f32, [B, S, H * D]), info("k", f32, [B, S, G * D]),
         info("v", f32, [B, S, G * D]), info("past_k", f32, past),
         info("past_v", f32, past), info("seqlens_k", i32, [B]),
         info("total", i32, [1])],
        [info("o", f32, [B, S, H * D]), info("present_k", f32, [B, G, T, D]),
         info("present_v", f32, [B, G, T, D])])
    model = helper.make_model(
        graph, ir_version=8,
        opset_imports=[helper.make_opsetid("", 17),
                       helper.make_opsetid("com.microsoft", 1)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Spinning threads would slow whoever runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model.SerializeToString(), options,
                                   ["CPUExecutionProvider"])
    old_k, new_k = t.k.numpy()[:, :T - S], t.k.numpy()[:, T - S:]
    old_v, new_v = t.v.numpy()[:, :T - S], t.v.numpy()[:, T - S:]
    feed = {
        "q": t.q.numpy().reshape(B, S, H * D),
        "k": np.ascontiguousarray(new_k).reshape(B, S, G * D),
        "v": np.ascontiguousarray(new_v).reshape(B, S, G * D),
        "past_k": np.ascontiguousarray(old_k.transpose(0, 2, 1, 3)),
        "past_v": np.ascontiguousarray(old_v.transpose(0, 2, 1, 3)),
        "seqlens_k": np.full(B, T - 1, np.int32),
        "total": np.array([T], np.int32),
    }

    def run():
        return session.run(["o"], feed)[0]

    return run, lambda: torch.from_numpy(run()).view(B, S, H, D)


def openvino_sdpa(problem, t, threads):
    """ScaledDotProductAttention with KV repeated to all query heads; inputs
    are f32 and the precision hint makes it compute in bf16."""
    if problem.S != problem.T:
        raise Unfit("its causal rule is top-left")
    import numpy as np
    import openvino as ov
    import openvino.opset13 as ops

    B, S, H, D = problem.B, problem.S, problem.H, problem.D
    shape = [B, H, S, D]
    q, k, v = (ops.parameter(shape, np.float32) for _ in range(3))
    model = ov.Model([ops.scaled_dot_product_attention(q, k, v, causal=True)],
                     [q, k, v])
    compiled = ov.Core().compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": problem.dtype})
    request = compiled.create_infer_request()
    repeat = H // problem.G
    feed = [x.float().transpose(1, 2).contiguous().numpy()
            for x in (t.q, t.k.repeat_interleave(repeat, 2),
                      t.v.repeat_interleave(repeat, 2))]

    def run():
        return request.infer(feed, share_inputs=True, share_outputs=True)[0]

    return run, lambda: torch.from_numpy(run().copy()).transpose(1, 2)


_iree = """
func.func @main(%q: tensor<{H}x{S}x{D}x{t}>, %k: tensor<{H}x{S}x{D}x{t}>,
                %v: tensor<{H}x{S}x{D}x{t}>) -> tensor<{H}x{S}x{D}xf32> {{
  %zero = arith.constant 0.0 : f32
  %ninf = arith.constant 0xFF800000 : f32
  %scale = arith.constant {scale} : f32
  %se = tensor.empty() : tensor<{H}x{S}x{S}xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%se : tensor<{H}x{S}x{S}xf32>) -> tensor<{H}x{S}x{S}xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(h, i, j, d) -> (h, i, d)>, affine_map<(h, i, j, d) -> (h, j, d)>,
      affine_map<(h, i, j, d) -> (h, i, j)>] ins(%q, %k : tensor<{H}x{S}x{D}x{t}>, tensor<{H}x{S}x{D}x{t}>) outs(%s0 : tensor<{H}x{S}x{S}xf32>) -> tensor<{H}x{S}x{S}xf32>
  %m = linalg.generic {{indexing_maps = [affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (h, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel"]}} ins(%s : tensor<{H}x{S}x{S}xf32>) outs(%se : tensor<{H}x{S}x{S}xf32>) {{
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %seen = arith.cmpi ule, %j, %i : index
    %b = arith.mulf %a, %scale : f32
    %c = arith.select %seen, %b, %ninf : f32
    linalg.yield %c : f32
  }} -> tensor<{H}x{S}x{S}xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<{H}x{S}x{S}xf32>) outs(%se : tensor<{H}x{S}x{S}xf32>) -> tensor<{H}x{S}x{S}xf32>
  %pe = tensor.empty() : tensor<{H}x{S}x{S}x{t}>
  {cast}
  %oe = tensor.empty() : tensor<{H}x{S}x{D}xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oe : tensor<{H}x{S}x{D}xf32>) -> tensor<{H}x{S}x{D}xf32>
  %o = linalg.batch_matmul ins(%pt, %v : tensor<{H}x{S}x{S}x{t}>, tensor<{H}x{S}x{D}x{t}>) outs(%o0 : tensor<{H}x{S}x{D}xf32>) -> tensor<{H}x{S}x{D}xf32>
  return %o : tensor<{H}x{S}x{D}xf32>
}}
"""

_iree_cast = {
    "f32": "%pt = tensor.cast %p : tensor<{H}x{S}x{S}xf32> to "
           "tensor<{H}x{S}x{S}xf32>",
    "bf16": "%pt = arith.truncf %p : tensor<{H}x{S}x{S}xf32> to "
            "tensor<{H}x{S}x{S}xbf16>",
}


def iree_decomposed(problem, t, threads):
    """batch_matmul, causal select, softmax, batch_matmul: on CPUs IREE runs
    this form faster than its fused attention op."""
    if problem.S != problem.T or problem.B != 1 or problem.S > 2048:
        raise Unfit("only prefill up to 2048 tokens")
    import iree.compiler as compiler
    import iree.runtime as runtime

    sizes = {"H": problem.H, "S": problem.S, "D": problem.D}
    text = _iree.format(**sizes, t=problem.dtype, scale=problem.D ** -0.5,
                        cast=_iree_cast[problem.dtype].format(**sizes))
    binary = compiler.compile_str(
        text, extra_args=["--iree-hal-target-device=local",
                          "--iree-hal-local-target-device-backends=llvm-cpu",
                          "--iree-llvmcpu-target-cpu=host",
                          "--iree-opt-level=O3", "--iree-opt-data-tiling"])
    device = "local-sync" if threads == 1 else "local-task"
    config = runtime.Config(device)
    module = runtime.load_vm_flatbuffer(binary, driver=device)
    repeat = problem.H // problem.G
    host = [x[0].transpose(0, 1).contiguous()
            for x in (t.q, t.k.repeat_interleave(repeat, 2),
                      t.v.repeat_interleave(repeat, 2))]
    if problem.dtype == "bf16":
        import ml_dtypes
        host = [x.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
                for x in host]
    else:
        host = [x.numpy() for x in host]
    feed = [runtime.asdevicearray(config.device, x) for x in host]

    def run():
        return module.main(*feed)

    return run, lambda: torch.from_numpy(
        run().to_host().copy()).transpose(0, 1)[None]


DENSE = {"torch": torch_sdpa, "onnxruntime": onnx_gqa,
         "openvino": openvino_sdpa, "iree": iree_decomposed}
CORE = {"torch": torch_gqe}
LAYER = {"torch": torch_layer}
