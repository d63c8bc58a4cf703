// Shorter ways through a model to a picture: exits after a stage of the full
// decoder, and smaller pictures.
#pragma once

#include <string>
#include <vector>

#include "io/tensor_file.h"
#include "model/model.h"

namespace tae {

// For every rung of the spec that ends in convolution and pixel shuffle by k,
// or in a linear projection to squares of k pixels a side (k up to 8): rungs of
// pictures downscaled by 2 .. k. The mean of d x d pixels is linear,
// so the means of the convolution's weights give it at once, and what is not
// seen is not computed. Appends layers, their weights and rungs.
void AddDownscaledRungs(ModelSpec* spec, std::vector<LayerWeights>* weights);

// Exits of an 8x decoder: `heads` holds "stageN.I.weight" and "stageN.I.bias"
// of a head's layers, N = 1, 2, 3 the stage after which it begins, I the index
// of the layer: conv 64 -> 64, ReLU, conv 64 -> 3 k^2, pixel shuffle by k, with
// an upsampling before all that for N = 1. Stages without a head are left out.
// Errors: kDataLoss names the tensor whose shape does not fit.
Status AddExits(const TensorFile& heads, ModelSpec* spec,
                std::vector<LayerWeights>* weights);

}  // namespace tae
