// Rules of gradient_rules.cc's table that have files of their own, by family.
#pragma once
#include "ops/op/gradient.h"

namespace ow::gradients {

// gradient_activations.cc: elementwise functions of one input, and PRelu.
void acos(GradientContext&);
void acosh(GradientContext&);
void asin(GradientContext&);
void asinh(GradientContext&);
void atan(GradientContext&);
void atanh(GradientContext&);
void celu(GradientContext&);
void cosh(GradientContext&);
void elu(GradientContext&);
void gelu(GradientContext&);
void hard_sigmoid(GradientContext&);
void hard_swish(GradientContext&);
void mish(GradientContext&);
void prelu(GradientContext&);
void selu(GradientContext&);
void shrink(GradientContext&);
void sinh(GradientContext&);
void softsign(GradientContext&);
void swish(GradientContext&);
void tan(GradientContext&);
void thresholded_relu(GradientContext&);

// gradient_moves.cc: operators whose output elements are elements of input 0, or 0.
void moved(GradientContext&);
void pad(GradientContext&);
void resize(GradientContext&);
void scatter_elements(GradientContext&);
void scatter_nd(GradientContext&);
void top_k(GradientContext&);

// gradient_windows.cc: convolution and pooling.
void average_pool(GradientContext&);
void conv(GradientContext&);
void conv_transpose(GradientContext&);
void global_average_pool(GradientContext&);
void global_max_pool(GradientContext&);
void max_pool(GradientContext&);

// gradient_normalizations.cc, the losses among them.
void batch_normalization(GradientContext&);
void group_normalization(GradientContext&);
void instance_normalization(GradientContext&);
void layer_normalization(GradientContext&);
void lp_normalization(GradientContext&);
void mean_variance_normalization(GradientContext&);
void negative_log_likelihood_loss(GradientContext&);
void rms_normalization(GradientContext&);
void softmax_cross_entropy_loss(GradientContext&);

// gradient_attention.cc
void attention(GradientContext&);

}  // namespace ow::gradients
