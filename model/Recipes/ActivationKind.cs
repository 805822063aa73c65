namespace LDaeCore.Model.Recipes;

/// <summary>The nonlinearity of the MLPs.</summary>
public enum ActivationKind
{
    /// <summary>GELU in its tanh form; everything we train.</summary>
    GeluTanh,

    /// <summary>GELU in its exact form; for imported models, refused for training.</summary>
    GeluErf,
}
