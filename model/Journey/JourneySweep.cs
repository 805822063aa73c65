namespace LDaeCore.Model.Journey;

/// <summary>A table or a figure of the paper, to be measured again.</summary>
/// <param name="Name">Its name, as <c>--sweep</c> takes it.</param>
/// <param name="Title">What is swept.</param>
/// <param name="Source">Where the paper has it.</param>
/// <param name="Points">The points, line by line.</param>
public sealed record JourneySweep(string Name, string Title, string Source, IReadOnlyList<SweepPoint> Points);
