namespace LDaeCore.Runner.Commands;

/// <summary>How an encoder is judged.</summary>
internal enum ProbeMethod
{
    /// <summary>A linear classifier on normalised mean tokens.</summary>
    Linear,

    /// <summary>The labels of the nearest training images.</summary>
    Knn,
}
