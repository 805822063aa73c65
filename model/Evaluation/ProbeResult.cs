namespace LDaeCore.Model.Evaluation;

/// <summary>What a linear probe found.</summary>
/// <param name="Test">Accuracy on the test set, evaluated once.</param>
/// <param name="HeldOutTop1">Accuracy of the choice on the held-out part of the training set, percent.</param>
/// <param name="Choice">What the sweep chose.</param>
public sealed record ProbeResult(ClassificationAccuracy Test, double HeldOutTop1, ProbeChoice Choice)
{
    /// <summary>The class that was chosen for each test image, in their order; empty where none was kept.</summary>
    public IReadOnlyList<int> Predicted { get; init; } = [];
}
