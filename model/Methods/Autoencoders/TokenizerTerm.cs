using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>One term of a tokenizer's loss. The loss is the sum of its terms' weighted values.</summary>
/// <param name="Name">What it measures, such as reconstruction or kl.</param>
/// <param name="Weight">What it counts.</param>
/// <param name="Value">Its value is the first element, of the parameter type; others are parts of it.</param>
/// <param name="Constant">What it is more than that, as far as no gradient reaches it.</param>
public readonly record struct TokenizerTerm(string Name, double Weight, Tensor Value, double Constant = 0);
