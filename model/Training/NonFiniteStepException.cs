using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>A step whose loss or gradient is not a finite number; the parameters are as they were before it.</summary>
/// <param name="message">Figures of the step, and the first parameter whose gradient is not finite.</param>
/// <param name="remedy">What the user can do about it.</param>
public sealed class NonFiniteStepException(string message, string remedy) : LdaeException(ErrorKind.Run, message, remedy);
