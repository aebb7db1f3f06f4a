// One function a pass; pipeline.cc says in which order they run. Each edits one graph and returns how many
// changes it made. Fusions say in `missed`, if it is given, why they left what looked like theirs.
#pragma once
#include "passes/missed.h"

namespace ow {

Result<int> fold_constant_nodes(ir::Graph& g,
                                MissedFusions* missed = nullptr);  // Constant nodes become constants
Result<int> lower_nodes(
    ir::Graph& g, MissedFusions* missed = nullptr);  // operators without a CPU kernel become graphs of others
Result<int> eliminate_identity(ir::Graph& g, MissedFusions* missed = nullptr);  // nodes that change nothing
Result<int> fold_constants(ir::Graph& g,
                           MissedFusions* missed = nullptr);  // deterministic nodes on constants
Result<int> fuse_batch_norm(ir::Graph& g, MissedFusions* missed = nullptr);  // into the convolution before it
Result<int> fuse_gelu(ir::Graph& g, MissedFusions* missed = nullptr);        // from its decomposed forms
Result<int> fuse_layer_norm(ir::Graph& g, MissedFusions* missed = nullptr);  // likewise
Result<int> fuse_attention(ir::Graph& g,
                           MissedFusions* missed = nullptr);  // from two products with a softmax between them
Result<int> fuse_channel_product(
    ir::Graph& g, MissedFusions* missed = nullptr);  // Einsum of a matrix with an image, and what it meets
// A convolution and the depthwise one behind it.
Result<int> fuse_depthwise(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> fuse_channel_shuffle(ir::Graph& g,
                                 MissedFusions* missed = nullptr);  // from its Reshape, Transpose, Reshape
Result<int> fuse_activation(ir::Graph& g, MissedFusions* missed = nullptr);  // into the convolution before it
Result<int> fuse_residual(ir::Graph& g, MissedFusions* missed = nullptr);    // likewise, sums
Result<int> fuse_matmul(
    ir::Graph& g, MissedFusions* missed = nullptr);  // bias, activation and sum into the product before them
// Expanded indices, into the GatherElements that reads them.
Result<int> fuse_expand(ir::Graph& g, MissedFusions* missed = nullptr);
// Pads with zeros, into the convolution or average behind them.
Result<int> fuse_pad(ir::Graph& g, MissedFusions* missed = nullptr);
// Chains and trees of elementwise nodes, into one.
Result<int> fuse_elementwise(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> eliminate_dead(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> widen_types(ir::Graph& g,
                        MissedFusions* missed = nullptr);  // Casts around operators that lack a type

}  // namespace ow
