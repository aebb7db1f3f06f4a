// The functions of recurrent.h for one instruction set.
#pragma once
#include "kernels/isa_table.h"
#include "kernels/recurrent.h"

namespace ow::kernels {

struct RecurrentTable {
  decltype(&rnn_cell) rnn;
  decltype(&lstm_cell) lstm;
  decltype(&gru_gates) gru_open;
  decltype(&gru_cell) gru_close;
};

ONWARD_ISA_TABLES(RecurrentTable, recurrent)

}  // namespace ow::kernels
