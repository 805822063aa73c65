namespace LDaeCore.Model.Journey;

/// <summary>One point of a sweep.</summary>
/// <param name="Series">Which of the sweep's lines it is on; empty where there is one only.</param>
/// <param name="Label">The value that is swept, as the table has it.</param>
/// <param name="Entry">What is measured.</param>
/// <param name="PaperTop1">The paper's number there, percent; null where it has none.</param>
public sealed record SweepPoint(string Series, string Label, JourneyEntry Entry, double? PaperTop1);
