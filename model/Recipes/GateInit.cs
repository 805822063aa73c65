namespace LDaeCore.Model.Recipes;

/// <summary>How the gates, modulations and final layer start.</summary>
public enum GateInit
{
    /// <summary>adaLN-Zero: every block starts as the identity.</summary>
    Zero,

    /// <summary>Normal with standard deviation 0.2: for controls, gradient checks and comparisons of devices.</summary>
    Random,
}
