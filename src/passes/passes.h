// One function a pass; pipeline.cc says in which order they run. Each edits one graph and returns how many
// changes it made.
#pragma once
#include "ir/graph.h"

namespace ow {

Result<int> fold_constant_nodes(ir::Graph& g);   // Constant nodes become constants
Result<int> lower_nodes(ir::Graph& g);           // operators without a CPU kernel become graphs of others
Result<int> eliminate_identity(ir::Graph& g);    // nodes that change nothing
Result<int> fold_constants(ir::Graph& g);        // deterministic nodes on constants
Result<int> fuse_batch_norm(ir::Graph& g);       // into the convolution before it
Result<int> fuse_gelu(ir::Graph& g);             // from its decomposed forms
Result<int> fuse_layer_norm(ir::Graph& g);       // likewise
Result<int> fuse_attention(ir::Graph& g);        // from two products with a softmax between them
Result<int> fuse_channel_product(ir::Graph& g);  // Einsum of a matrix with an image, and what it meets
Result<int> fuse_depthwise(ir::Graph& g);        // a convolution and the depthwise one behind it
Result<int> fuse_channel_shuffle(ir::Graph& g);  // from its Reshape, Transpose, Reshape
Result<int> fuse_activation(ir::Graph& g);       // into the convolution before it
Result<int> fuse_residual(ir::Graph& g);         // likewise, sums
Result<int> fuse_matmul(ir::Graph& g);           // bias, activation and sum into the product before them
// Expanded indices, into the GatherElements that reads them.
Result<int> fuse_expand(ir::Graph& g);
// Pads with zeros, into the convolution or average behind them.
Result<int> fuse_pad(ir::Graph& g);
// Chains and trees of elementwise nodes, into one.
Result<int> fuse_elementwise(ir::Graph& g);
Result<int> eliminate_dead(ir::Graph& g);
Result<int> widen_types(ir::Graph& g);  // Casts around operators that lack a type

}  // namespace ow
