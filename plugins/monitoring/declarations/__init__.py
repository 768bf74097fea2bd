"""Declarations: what stations and producers tell societies about the music they used."""
