namespace LDaeCore.Model.Journey;

/// <summary>What the paper's numbers say at any size, and whether ours say it too.</summary>
/// <param name="Name">The claim.</param>
/// <param name="Holds">Whether it holds; null where what it is about was not measured.</param>
/// <param name="Why">The numbers behind the verdict, or what is missing.</param>
public sealed record ShapeClaim(string Name, bool? Holds, string Why);
