// What a graph costs, as expressions in the symbols of its input shapes: multiply-accumulates, operations,
// and the memory of its activations. Estimates from shapes, for people and for planning; nothing is measured.
//
//   MACs    products that are summed: convolutions, matrix products, attention, recurrences
//   FLOPs   2 * MACs, plus one operation for each element that other computing operators make or reduce;
//           operators that only move or view data are free
//   peak    the largest sum of activations alive at one node when nodes run in order and each buffer is freed
//           after its last use; constants and memory inside kernels are not in it
#pragma once
#include <string>
#include <vector>

#include "ir/graph.h"

namespace ow {

struct Cost {
  Dim macs, flops;
};

struct NodeCost {
  const ir::Node* node = nullptr;
  Cost cost;
  bool known = false;  // false: a shape that the formula needs is not known
};

// One node without its subgraphs.
NodeCost node_cost(const ir::Node& node);

struct GraphCost {
  Cost total;  // over known nodes, subgraphs once each (a Loop: one iteration)
  int64_t unknown_nodes = 0;
  int64_t loops = 0;  // Loop and Scan nodes, whose bodies are counted once
  // Peak bytes: the expressions of the nodes that need most, for small and for large symbols (one or two).
  std::vector<Dim> peak_bytes;
  int64_t unsized_values = 0;  // activations without a known shape, not in peak_bytes
};

// `sample`: gives symbols values to find the peak at; those without take 1 and 1,024.
GraphCost graph_cost(ir::Graph& graph, const Dim::Lookup& sample = nullptr);

}  // namespace ow
