using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>What the training of a tokenizer came to.</summary>
/// <param name="Tokenizer">The tokenizer; null when the training was interrupted.</param>
/// <param name="Steps">Optimizer steps done in all.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="Terms">Its terms, not weighted.</param>
/// <param name="ImagesPerSecond">Median over this process's steps after its first two.</param>
/// <param name="Seconds">Time that this process spent on it.</param>
public sealed record TokenizerResult(
    FittedTokenizer? Tokenizer, long Steps, double Loss, IReadOnlyList<(string Name, double Value)> Terms, double ImagesPerSecond, double Seconds);
