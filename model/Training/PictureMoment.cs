using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>When in a run pictures are drawn.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Starts">Whether a process starts here: with step 0, or with the checkpoint that a run goes on from.</param>
public readonly record struct PictureMoment(long Step, bool Starts);
