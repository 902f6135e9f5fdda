/// NF4 matrices in safetensors, in bitsandbytes' keys and layout. Matrix `w` is
///   w                                  U8 [ceil(out*in/2), 1]
///   w.absmax                           F32 [blocks], or U8 under double quantisation
///   w.quant_map                        F32 [16]
///   w.nested_absmax                    F32 [ceil(blocks/256)]   | double
///   w.nested_quant_map                 F32 [256]                | quantisation
///   w.quant_state.bitsandbytes__nf4    U8: JSON {quant_type, blocksize, dtype, shape, nested_blocksize,
///                                      nested_dtype, nested_offset}, here padded with blanks
#pragma once

#include "routedk/kernels/nf4.h"
#include "routedk/quant/tensor_view.h"

#include <functional>
#include <string>
#include <vector>

namespace routedk::quant {

/// A tensor of a checkpoint and the file that it is mapped in.
struct StoredTensor {
  const io::TensorView* view = nullptr;  ///< null: the checkpoint has no such tensor
  std::shared_ptr<const io::MappedFile> file;
};
using FindTensor = std::function<StoredTensor(const std::string& name)>;

/// Whether matrix `name` is stored in NF4.
bool is_nf4(const std::string& name, const FindTensor& find);

/// The matrix as stored: codes stay in the mapped file, scales and maps are copied. FileError, which names
/// file, tensor and rule, when a part is missing or breaks the layout, a scale is not finite, or block sizes
/// are not 64 and 256.
kernels::Nf4 read_nf4(const std::string& name, const FindTensor& find);

/// The tensors of a matrix [rows,cols], without their bytes, in the order of writing: for any size, each is
/// aligned for its type, and together they fill a multiple of 8 bytes.
std::vector<io::TensorView> nf4_layout(const std::string& name, std::int64_t rows, std::int64_t cols,
                                       bool double_quant);

/// The tensors themselves, in that order.
std::vector<at::Tensor> nf4_tensors(const kernels::Nf4& weight);

}  // namespace routedk::quant
