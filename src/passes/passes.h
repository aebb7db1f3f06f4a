// One function a pass; pipeline.cc says in which order they run. Each edits one graph and returns how many
// changes it made. Fusions say in `missed`, if it is given, why they left what looked like theirs.
#pragma once
#include "passes/missed.h"

namespace ow {

// Constant nodes become constants.
Result<int> fold_constant_nodes(ir::Graph& g, MissedFusions* missed = nullptr);
// Operators without a CPU kernel become graphs of others.
Result<int> lower_nodes(ir::Graph& g, MissedFusions* missed = nullptr);
// Nodes that change nothing.
Result<int> eliminate_identity(ir::Graph& g, MissedFusions* missed = nullptr);
// Deterministic nodes on constants.
Result<int> fold_constants(ir::Graph& g, MissedFusions* missed = nullptr);
// Into the convolution before it.
Result<int> fuse_batch_norm(ir::Graph& g, MissedFusions* missed = nullptr);
// Constants behind a product or a convolution, into its weights and bias.
Result<int> fuse_scale(ir::Graph& g, MissedFusions* missed = nullptr);
// From their decomposed forms.
Result<int> fuse_gelu(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> fuse_layer_norm(ir::Graph& g, MissedFusions* missed = nullptr);
// From two products with a softmax between them.
Result<int> fuse_attention(ir::Graph& g, MissedFusions* missed = nullptr);
// Einsum of a matrix with an image, and what it meets.
Result<int> fuse_channel_product(ir::Graph& g, MissedFusions* missed = nullptr);
// From its Reshape, Transpose, Reshape.
Result<int> fuse_channel_shuffle(ir::Graph& g, MissedFusions* missed = nullptr);
// Activations, and sums, into the convolution before them.
Result<int> fuse_activation(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> fuse_residual(ir::Graph& g, MissedFusions* missed = nullptr);
// A convolution and the depthwise one behind it.
Result<int> fuse_depthwise(ir::Graph& g, MissedFusions* missed = nullptr);
// What happens to the channels of its image before, into a convolution of single pixels.
Result<int> fuse_pointwise(ir::Graph& g, MissedFusions* missed = nullptr);
// Bias, activation and sum into the product before them.
Result<int> fuse_matmul(ir::Graph& g, MissedFusions* missed = nullptr);
// Expanded indices, into the GatherElements that reads them.
Result<int> fuse_expand(ir::Graph& g, MissedFusions* missed = nullptr);
// Pads with zeros, into the convolution or average behind them.
Result<int> fuse_pad(ir::Graph& g, MissedFusions* missed = nullptr);
// Chains and trees of elementwise nodes, into one.
Result<int> fuse_elementwise(ir::Graph& g, MissedFusions* missed = nullptr);
// Parts of tensors, where all who read them take them with gaps.
Result<int> make_views(ir::Graph& g, MissedFusions* missed = nullptr);
Result<int> eliminate_dead(ir::Graph& g, MissedFusions* missed = nullptr);
// Casts around operators that lack a type.
Result<int> widen_types(ir::Graph& g, MissedFusions* missed = nullptr);

}  // namespace ow
