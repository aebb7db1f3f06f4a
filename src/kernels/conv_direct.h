// The method of conv.h that every convolution can take: one product of output pixels and weights, where each
// tap of the kernel has row pointers of its own into the image (gemm_core.h), and those of a tap in the
// padding point to zeros.
//
// Packed: the zeros | per group the panels of its [taps * in_channels / groups][out_channels / groups]
// matrix.
#pragma once
#include "kernels/conv.h"
#include "kernels/gemm_core.h"

namespace ow::kernels {

// Of the zeros, by kDirect whatever the shape's method.
int64_t direct_zero_floats(const ConvShape& shape);
size_t direct_packed_floats(Isa isa, const ConvShape& shape);
void direct_pack(Isa isa, const ConvShape& shape, const UnalignedFloat* w, float* packed, int threads);
size_t direct_scratch_bytes(const ConvShape& shape);

// One convolution as such a product. All that it is made of must outlive it.
class DirectConv {
 public:
  // scratch: direct_scratch_bytes(shape). Few channels that are padded are copied there.
  DirectConv(const ConvShape& shape, const float* packed, const float* in, void* scratch, int threads);
  DirectConv(const DirectConv&) = delete;
  DirectConv& operator=(const DirectConv&) = delete;

  // What is read, and in which shape.
  const ConvShape& read() const { return read_; }
  const float* image() const { return image_; }
  const float* zeros() const { return packed_; }

  // Row i of the product is output pixel i.
  GemmProblem problem(Isa isa, float* out, const Epilogue& epilogue) const;

 private:
  const ConvShape& shape_;
  ConvShape read_;
  const float* packed_;
  const float* image_;
};

}  // namespace ow::kernels
